import type { Config } from '../../config/config.ts';
import { ownFile } from '../../process/installation.ts';
import { type MailUser, userCalled } from '../../process/mail-user.ts';
import { type Point, ok, problem, warning } from '../point.ts';
import { type Doveconf, parseDoveconf } from './doveconf-output.ts';
import { checkDovecotSpool } from './dovecot-spool.ts';
import { mailOwnerOf } from './mail-owner.ts';
import { judgeMetadata } from './metadata.ts';
import { judgeNamespaces } from './namespaces.ts';
import { judgeOx } from './ox.ts';
import { judgePlugins, loadedBy } from './plugins.ts';
import { checkRegistration } from './registration-plugin.ts';
import type { DoveconfRun } from './run-doveconf.ts';
import { checkScript, scriptOf } from './script.ts';
import { judgeServices } from './services.ts';
import { driversOf, isOld, type LuaDriver, type OxDriver } from './setup.ts';
import { judgeUserNames } from './user-names.ts';

export const DOVECOT = 'Dovecot';

export interface DovecotOptions {
  config: Pick<Config, 'spool' | 'users' | 'serve' | 'dovecot' | 'targets' | 'events' | 'deltachat'>;
  /** As whom xapplepush works. */
  reader: MailUser | undefined;
  /** Those that the credentials are good for; undefined where none can be used. */
  topics?: readonly string[] | undefined;
  /** Whether there is a Cyrus too, so that Dovecot need not tell anything. */
  hasCyrus: boolean;
}

/** The points of a host with Dovecot, by what doveconf said. */
export function checkDovecot(run: DoveconfRun, options: DovecotOptions): Point[] {
  const tell = options.hasCyrus ? warning : problem; // beside a Cyrus, Dovecot may have nothing to do with mail
  const doveconf = parseDoveconf(run.output);
  if (doveconf === undefined || run.failure !== undefined)
    return [tell(DOVECOT, `doveconf -n ${whyUnread(run)}`, 'see what it says: doveconf -n')];
  const mistakes = mistakesIn(run).map((text) => tell(DOVECOT, `${doveconf.version}: ${text}`, fixOf(text)));
  const ways = waysOf(doveconf);
  const registration = checkRegistration(doveconf, options);
  const metadata = judgeMetadata(doveconf, options.config);
  if (ways.names.length === 0)
    return [
      ...(mistakes.length > 0 ? mistakes : [introduceSilent(doveconf, options.hasCyrus)]),
      ...registration.filter(({ state }) => state === 'problem'),
      ...metadata,
    ];
  const introduction = ok(DOVECOT, `${doveconf.version}, tells of mail by ${ways.names.join(' and ')}`);
  return [
    ...(mistakes.length > 0 ? mistakes : [introduction]),
    ...checkWays(doveconf, ways, options),
    ...registration,
    ...metadata,
  ];
}

function whyUnread({ failure, complaints }: DoveconfRun): string {
  if (failure !== undefined) return failure;
  const [said] = complaints;
  return said === undefined
    ? 'prints nothing that could be read'
    : `fails: ${said.replace('doveconf: ', '')}`;
}

/** `doveconf: Fatal: Error in configuration file FILE line N: …`, once each; some are told as an error before. */
function mistakesIn({ complaints }: DoveconfRun): string[] {
  const of = (kind: string): string[] =>
    complaints.filter((line) => line.startsWith(kind)).map((line) => line.slice(kind.length));
  const fatal = of('doveconf: Fatal: ');
  return fatal.length > 0 ? fatal : of('doveconf: Error: ');
}

/** Dovecot 2.4 on `vsz_limit = 0`. */
const TOO_LOW = /service\(([\w-]+)\): vsz_limit is too low/;

function fixOf(mistake: string): string {
  const service = TOO_LOW.exec(mistake)?.[1];
  if (service !== undefined) return `service/${service}/vsz_limit = unlimited`;
  return 'correct it until doveconf -n says nothing of it; Dovecot does not start with it';
}

function introduceSilent({ version }: Doveconf, hasCyrus: boolean): Point {
  if (hasCyrus) return ok(DOVECOT, `${version}, which tells xapplepush nothing: its points are left out`);
  return warning(
    DOVECOT,
    `${version} loads neither push.lua nor the OX driver nor the XAPS plugin: it tells of no mail`,
    `copy ${ownFile(`examples/dovecot/90-xapplepush-${isOld({ version }) ? '2.3' : '2.4'}.conf`)} to /etc/dovecot/conf.d and follow what it says`,
  );
}

/** By what Dovecot tells of mail. */
interface Ways {
  scripts: { driver: LuaDriver; name: 'push.lua' | 'push-exec.lua' }[];
  ox: OxDriver[];
  /** For people; empty where there is none. */
  names: string[];
}

function waysOf(doveconf: Doveconf): Ways {
  const drivers = driversOf(doveconf);
  const scripts = drivers.flatMap((driver) => {
    const name = driver.kind === 'lua' ? scriptOf(driver) : undefined;
    return driver.kind === 'lua' && name !== undefined ? [{ driver, name }] : [];
  });
  const ox = drivers.filter((driver) => driver.kind === 'ox');
  const xaps = ['lmtp', 'imap'].some((protocol) =>
    loadedBy(doveconf.root, protocol).plugins.some((plugin) => plugin.startsWith('xaps')),
  );
  const others = [...(ox.length > 0 ? ['the OX driver'] : []), ...(xaps ? ['the XAPS plugin'] : [])];
  return { scripts, ox, names: [...new Set([...scripts.map(({ name }) => name), ...others])] };
}

function checkWays(doveconf: Doveconf, { scripts, ox }: Ways, options: DovecotOptions): Point[] {
  const { config } = options;
  const drivers = [...scripts.map(({ driver }) => driver), ...ox];
  const points = [
    ...(drivers.length > 0 ? judgePlugins(doveconf, drivers) : []),
    ...scripts.flatMap((script) => checkLua(doveconf, script, options)),
    ...ox.map((driver) => judgeOx(doveconf, driver, config.serve.http)),
    judgeUserNames(doveconf, config.users.domain),
    ...judgeNamespaces(doveconf, config),
  ];
  // Two drivers may have one script.
  return [...new Map(points.map((point) => [JSON.stringify(point), point])).values()];
}

function checkLua(
  doveconf: Doveconf,
  { driver, name }: Ways['scripts'][number],
  { config, reader }: DovecotOptions,
): Point[] {
  const owner = mailOwnerOf(doveconf);
  const mailUser = owner.kind === 'one' ? userCalled(owner.user) : undefined;
  const script = checkScript(driver, { name, user: mailUser ?? reader, old: isOld(doveconf) });
  if (name === 'push-exec.lua')
    return [script, ...judgeServices(doveconf, owner.kind === 'one' ? owner.user : undefined)];
  const setting = isOld(doveconf) ? 'plugin/xapplepush_spool' : 'push_notification/lua/lua_settings/spool';
  return [
    script,
    checkDovecotSpool({ named: driver.spool, read: config.spool, owner, mailUser, reader, setting }),
  ];
}
