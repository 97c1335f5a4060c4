import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import { MIN_BYTES } from '../../doors/xaps-answer.ts';
import { type Point, ok, problem, warning } from '../point.ts';
import type { Doveconf } from './doveconf-output.ts';
import { lineOf, variable } from './environment.ts';
import { type PluginPlace, pluginPlaces } from './plugin-places.ts';
import { driversOf, isOld, settingIn } from './setup.ts';
import { judgeTold } from './told-mailboxes.ts';

export const DOVECOT_REGISTRATION = 'Dovecot registration';

const PLUGIN = 'imap_xapplepush';

/** What the plugin takes where nothing names it. */
const DEFAULT_SPOOL = '/var/spool/xapplepush';

/** Where Dovecot looks for plugins unless mail_plugin_dir says it: Debian, Fedora, its own source. */
const USUAL_FOLDERS = ['/usr/lib/dovecot/modules', '/usr/lib64/dovecot', '/usr/local/lib/dovecot'];

export interface RegistrationOptions {
  config: Pick<Config, 'spool' | 'serve' | 'events' | 'targets'>;
  /** Those of the credentials; undefined where none can be used. */
  topics?: readonly string[] | undefined;
  folders?: readonly string[];
}

/** Whether phones can register by our plugin, and whether it keeps nobody from their mail. */
export function checkRegistration(doveconf: Doveconf, options: RegistrationOptions): Point[] {
  const places = pluginPlaces(doveconf.root);
  const ours = places.filter(({ plugins }) => plugins.includes(PLUGIN));
  if (ours.length === 0) return [withoutOurs(doveconf, places, options)];
  const { config } = options;
  const found = [
    ...ours
      .filter(({ protocol }) => protocol !== 'imap')
      .slice(0, 1)
      .map(inTooMany),
    ...besideOurs(doveconf, places),
    ...judgeFile(doveconf, options.folders),
    ...judgeCapability(doveconf),
    ...judgeTopic(doveconf, options.topics),
    ...judgeSpool(doveconf, config.spool),
    ...judgeTold(DOVECOT_REGISTRATION, doveconf, config),
  ];
  const introduction = `by our plugin, with the topic ${variable(doveconf, 'XAPPLEPUSH_TOPIC') ?? ''}`;
  return found.length > 0 ? found : [ok(DOVECOT_REGISTRATION, introduction)];
}

function withoutOurs(
  doveconf: Doveconf,
  places: readonly PluginPlace[],
  options: RegistrationOptions,
): Point {
  const [other] = places.filter(isOfImap).flatMap(({ plugins }) => plugins.filter(isOther));
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
  { topics = [], config: { serve } }: RegistrationOptions,
): Point {
  const padsTopic = serve.pluginPadding;
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

/** Of the two XAPS plugins the one answers the phone too, and the other tells of mail, which push.lua does. */
function besideOurs(doveconf: Doveconf, places: readonly PluginPlace[]): Point[] {
  const others = new Set(places.flatMap(({ plugins }) => plugins.filter(isOther)));
  const tellsOtherwise = driversOf(doveconf).length > 0;
  return [...others]
    .filter((other) => tellsOtherwise || !isNotifier(other))
    .map((other) => {
      const named = places.filter(({ plugins }) => plugins.includes(other)).map(({ name }) => name);
      const text = `mail_plugins of ${named.join(' and ')} names ${other} beside ${PLUGIN}: ${lossBy(other)}`;
      return problem(DOVECOT_REGISTRATION, text, `take ${other} out there`);
    });
}

function lossBy(other: string): string {
  return isNotifier(other)
    ? 'mail is told of twice, and waits where its daemon has gone'
    : 'two plugins answer one command';
}

function isNotifier(plugin: string): boolean {
  return plugin.includes('push_notification');
}

function isOfImap({ protocol }: PluginPlace): boolean {
  return protocol === undefined || protocol === 'imap';
}

function inTooMany({ name }: PluginPlace): Point {
  return problem(
    DOVECOT_REGISTRATION,
    `mail_plugins of ${name} names ${PLUGIN}, which only imap can load: no mail is delivered`,
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
  return problem(DOVECOT_REGISTRATION, text, lineOf(doveconf, name, value));
}
