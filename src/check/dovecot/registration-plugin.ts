import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MIN_BYTES } from '../../doors/xaps-answer.ts';
import { type Point, ok, problem, warning } from '../point.ts';
import type { Doveconf } from './doveconf-output.ts';
import { loadedBy } from './plugins.ts';
import { isOld, sectionsOf, settingIn } from './setup.ts';

export const DOVECOT_REGISTRATION = 'Dovecot registration';

const PLUGIN = 'imap_xapplepush';

/** What the plugin takes where nothing names it. */
const DEFAULT_SPOOL = '/var/spool/xapplepush';

/** Where Dovecot looks for plugins unless mail_plugin_dir says it: Debian, Fedora, its own source. */
const USUAL_FOLDERS = ['/usr/lib/dovecot/modules', '/usr/lib64/dovecot', '/usr/local/lib/dovecot'];

export interface RegistrationOptions {
  /** `spool` of the configuration. */
  spool: string;
  /** `serve.plugin_padding`. */
  padsTopic: boolean;
  /** Those of the credentials; undefined where none can be used. */
  topics?: readonly string[] | undefined;
  folders?: readonly string[];
}

/** Whether phones can register by our plugin, and whether it keeps nobody from their mail. */
export function checkRegistration(doveconf: Doveconf, options: RegistrationOptions): Point[] {
  const { root } = doveconf;
  const loaded = loadedBy(root, 'imap').plugins;
  const elsewhere = ['', 'lmtp', 'lda', 'doveadm'].filter((each) =>
    loadedBy(root, each).plugins.includes(PLUGIN),
  );
  if (!loaded.includes(PLUGIN) && elsewhere.length === 0) return [withoutOurs(doveconf, loaded, options)];
  const found = [
    ...elsewhere.slice(0, 1).map(inTooMany),
    ...loaded.filter(isOther).slice(0, 1).map(besideOurs),
    ...judgeFile(doveconf, options.folders),
    ...judgeCapability(doveconf),
    ...judgeTopic(doveconf, options.topics),
    ...judgeSpool(doveconf, options.spool),
  ];
  const introduction = `by our plugin, with the topic ${variable(doveconf, 'XAPPLEPUSH_TOPIC') ?? ''}`;
  return found.length > 0 ? found : [ok(DOVECOT_REGISTRATION, introduction)];
}

function withoutOurs(doveconf: Doveconf, loaded: readonly string[], options: RegistrationOptions): Point {
  const other = loaded.find(isOther);
  if (other !== undefined) return judgeOther(doveconf, other, options);
  return warning(
    DOVECOT_REGISTRATION,
    'Dovecot has no plugin by which phones register',
    'install the one in dovecot/: docs/dovecot-plugin.md says how',
  );
}

/** It bears a short topic in one form only: as a whole answer of MIN_BYTES for 2.3, without NULs for 2.4. */
function judgeOther(
  doveconf: Doveconf,
  plugin: string,
  { topics = [], padsTopic }: RegistrationOptions,
): Point {
  const short = topics.find((topic) => topic.length < MIN_BYTES);
  if (short === undefined || padsTopic === isOld(doveconf))
    return ok(DOVECOT_REGISTRATION, `by the plugin ${plugin}`);
  const text = padsTopic
    ? `newer versions of the plugin ${plugin} refuse the NULs that fill up the topic ${short}: no phone registers`
    : `the plugin ${plugin} for 2.3 crashes on a topic as short as ${short}: no phone registers`;
  const tell = padsTopic ? warning : problem; // the older ones bear them
  return tell(DOVECOT_REGISTRATION, text, `serve: { plugin_padding: ${!padsTopic} }`);
}

function isOther(plugin: string): boolean {
  return plugin.includes('xaps');
}

function besideOurs(other: string): Point {
  return problem(
    DOVECOT_REGISTRATION,
    `mail_plugins of protocol imap names ${other} beside ${PLUGIN}: two plugins answer one command`,
    `take ${other} out there`,
  );
}

function inTooMany(protocol: string): Point {
  return problem(
    DOVECOT_REGISTRATION,
    `mail_plugins of ${protocol === '' ? 'all protocols' : `protocol ${protocol}`} names ${PLUGIN}, which only imap can load: no mail is delivered`,
    `take ${PLUGIN} out there, and name it in protocol imap alone`,
  );
}

/** A library of that name, with or without `lib` and a number. */
const LIBRARY = new RegExp(`^(?:lib)?(?:\\d+_)?${PLUGIN}_plugin\\.so$`);

function judgeFile(doveconf: Doveconf, folders: readonly string[] = USUAL_FOLDERS): Point[] {
  const named = doveconf.root.settings.get('mail_plugin_dir');
  const folder = [...(named === undefined ? folders : [named])].find((each) => existsSync(each));
  if (folder === undefined) return []; // Dovecot's own folder is not known
  const file = readdirSync(folder).find((name) => LIBRARY.test(name));
  if (file === undefined)
    return [loginsEnd(`there is no lib95_${PLUGIN}_plugin.so in ${folder}`, 'make -C dovecot install')];
  const [ours, theirs] = [abiOf(join(folder, file)), abiOfOthers(folder)];
  if (ours === theirs || theirs === undefined) return [];
  const text = `${join(folder, file)} is compiled for ${ours ?? 'no known Dovecot'}, and this Dovecot is ${theirs}`;
  return [loginsEnd(text, 'make -C dovecot clean install')];
}

function loginsEnd(text: string, how: string): Point {
  const fix = `${how}; until then, take ${PLUGIN} out of mail_plugins`;
  return problem(DOVECOT_REGISTRATION, `${text}: every IMAP session ends after its log-in`, fix);
}

/** DOVECOT_ABI_VERSION of config.h, which Dovecot compares before it loads; 2.3 leaves out what stands in parentheses. */
const ABI = /\d+\.\d+\.ABIv\d+/;

function abiOf(library: string): string | undefined {
  return ABI.exec(readFileSync(library, 'latin1'))?.[0];
}

function abiOfOthers(folder: string): string | undefined {
  const others = readdirSync(folder).filter((name) => name.endsWith('_plugin.so') && !LIBRARY.test(name));
  return others.map((name) => abiOf(join(folder, name))).find((abi) => abi !== undefined);
}

/** A whole list hides what plugins add; one that begins with + does not, nor a block of 2.4. */
function judgeCapability(doveconf: Doveconf): Point[] {
  const list = settingIn(doveconf, 'imap', 'imap_capability') ?? '';
  if (list === '' || list.startsWith('+') || /\bXAPPLEPUSHSERVICE\b/.test(list)) return [];
  const fix = isOld(doveconf)
    ? 'take imap_capability out, or let it begin with +'
    : 'write imap_capability as a block: imap_capability { NAME = yes }';
  const text = `imap_capability is a whole list, which hides XAPPLEPUSHSERVICE: no phone registers`;
  return [problem(DOVECOT_REGISTRATION, text, fix)];
}

function judgeTopic(doveconf: Doveconf, topics: readonly string[] | undefined): Point[] {
  const topic = variable(doveconf, 'XAPPLEPUSH_TOPIC') ?? '';
  if (topic !== '' && topics?.includes(topic) !== false) return [];
  const text =
    topic === '' ? 'XAPPLEPUSH_TOPIC is not set: no phone registers' : otherTopic(topic, topics ?? []);
  return [wrongVariable(text, doveconf, 'XAPPLEPUSH_TOPIC', topics?.[0] ?? 'the topic of the certificate')];
}

function otherTopic(topic: string, topics: readonly string[]): string {
  return `phones are told the topic ${topic}, and the certificate is for ${topics.join(' or ')}: no push reaches them`;
}

function judgeSpool(doveconf: Doveconf, read: string): Point[] {
  const written = variable(doveconf, 'XAPPLEPUSH_SPOOL') ?? DEFAULT_SPOOL;
  if (written === read) return [];
  const text = `the plugin writes into ${written}, and xapplepush reads ${read}: registrations are lost`;
  return [wrongVariable(text, doveconf, 'XAPPLEPUSH_SPOOL', read)];
}

function wrongVariable(text: string, doveconf: Doveconf, name: string, value: string): Point {
  const fix = `in import_environment: ${name}${isOld(doveconf) ? '=' : ' = '}${value}`;
  return problem(DOVECOT_REGISTRATION, text, fix);
}

/** What import_environment sets it to: in 2.3 words, in 2.4 a block. */
function variable({ root }: Doveconf, name: string): string | undefined {
  const words = root.settings.get('import_environment')?.split(/\s+/) ?? [];
  const [word] = words.filter((each) => each.startsWith(`${name}=`)).slice(-1);
  const [block] = sectionsOf(root, 'import_environment').flatMap(({ settings }) => settings.get(name) ?? []);
  return word?.slice(name.length + 1) ?? block;
}
