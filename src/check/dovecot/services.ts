import { type Point, ok, problem, warning } from '../point.ts';
import type { Doveconf, Section } from './doveconf-output.ts';
import { leavesUidOpen, mailOwnerOf } from './mail-owner.ts';
import { isOld, sectionsOf, settingOfService } from './setup.ts';

export const DOVECOT_SERVICES = 'Dovecot services';

/** Those that run push-exec.lua. */
const SERVICES = ['lmtp', 'imap'];

/** Dovecot's own, of 2.3 and 2.4. */
const DEFAULT_VSZ_LIMIT = '256M';

/** Node 20 starts with 800 MiB of address space and not with 700; the rest is for later versions. */
const NODE_NEEDS_BYTES = 2 * 1024 ** 3;

/** Whether the services let push-exec.lua start Node, and not as root. Pure. */
export function judgeServices(doveconf: Doveconf, mailUser = 'vmail'): Point[] {
  const points = [
    ...SERVICES.flatMap((service) => judgeLimit(doveconf, service) ?? []),
    ...judgeUser(doveconf, mailUser),
  ];
  return points.length > 0 ? points : [ok(DOVECOT_SERVICES, 'lmtp and imap can start Node')];
}

function judgeLimit(doveconf: Doveconf, service: string): Point | undefined {
  const limit = settingOfService(doveconf, service, 'vsz_limit') ?? DEFAULT_VSZ_LIMIT;
  const none = isOld(doveconf) ? '0' : 'unlimited';
  if (limit === none || (bytesOf(limit) ?? 0) >= NODE_NEEDS_BYTES) return undefined;
  const why = limit === '0' ? 'with which Dovecot 2.4 does not start' : 'with which Node cannot start';
  return problem(
    DOVECOT_SERVICES,
    `vsz_limit of ${service} is ${limit}, ${why}`,
    `service/${service}/vsz_limit = ${none}`,
  );
}

const UNITS: Readonly<Record<string, number>> = { B: 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/** `512M`, `512 M`, `1 G`; without a unit it is bytes. */
function bytesOf(size: string): number | undefined {
  const [, digits, unit = 'B'] = /^(\d+)\s*([bkmgt])?/i.exec(size) ?? [];
  return digits === undefined ? undefined : Number(digits) * (UNITS[unit.toUpperCase()] ?? 1);
}

/** What lmtp starts, it starts as its own user. */
function judgeUser(doveconf: Doveconf, mailUser: string): Point[] {
  const user = settingOfService(doveconf, 'lmtp', 'user') ?? '';
  if (user === '' || user === 'root' || user === '0')
    return [
      problem(
        DOVECOT_SERVICES,
        'lmtp runs as root, as which push-exec.lua runs nothing: no push goes out for new mail',
        `service/lmtp/user = ${mailUser}`,
      ),
    ];
  return [...judgeLookup(doveconf, user), ...judgeAnvil(doveconf, user)];
}

/** Dovecot's auth answers a process that is not root about users with that process's uid only, at its usual socket. */
function judgeLookup(doveconf: Doveconf, user: string): Point[] {
  if (hasOwnListener(doveconf, 'auth', 'auth-userdb')) return [];
  const [why, fix] = hindranceToLookup(doveconf, user) ?? [];
  if (why === undefined || fix === undefined) return [];
  const text = `lmtp runs as ${user} and finds nobody to deliver to, since ${why}: no mail is delivered`;
  return [problem(DOVECOT_SERVICES, text, fix)];
}

function hindranceToLookup(doveconf: Doveconf, user: string): [why: string, fix: string] | undefined {
  if (mailOwnerOf(doveconf).kind === 'each')
    return [
      'each user has mail as themselves (userdb passwd)',
      'give all mail to one user (a userdb other than passwd, with their uid): more is not supported',
    ];
  if (!leavesUidOpen(doveconf)) return undefined;
  const fix = isOld(doveconf)
    ? `in userdb: args = uid=${user} and what stands there`
    : `in userdb static: fields { uid = ${user} }`;
  return ['the userdb says no uid', fix];
}

function hasOwnListener(doveconf: Doveconf, service: string, name: string): boolean {
  return listenersOf(doveconf, service, name).some(({ settings }) => settings.size > 0);
}

function judgeAnvil(doveconf: Doveconf, user: string): Point[] {
  if (isOld(doveconf) || mayUseAnvil(doveconf, user)) return [];
  return [
    warning(
      DOVECOT_SERVICES,
      `lmtp runs as ${user}, which may not use anvil's socket: an error in the log at each connection`,
      `service/anvil/unix_listener/anvil/user = ${user}`,
    ),
  ];
}

/** chmod(1): reading and writing for everybody. */
const FOR_ALL = /[67]$/;

function mayUseAnvil(doveconf: Doveconf, user: string): boolean {
  return listenersOf(doveconf, 'anvil', 'anvil').some(
    ({ settings }) => settings.get('user') === user || FOR_ALL.test(settings.get('mode') ?? ''),
  );
}

function listenersOf({ root }: Doveconf, service: string, name: string): readonly Section[] {
  return sectionsOf(root, 'service', service).flatMap((each) => sectionsOf(each, 'unix_listener', name));
}
