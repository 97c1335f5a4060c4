import type { Config } from '../../config/config.ts';
import type { DovecotNamespace } from '../../mailboxes/dovecot-namespace.ts';
import { type Point, ok, warning } from '../point.ts';
import type { Doveconf } from './doveconf-output.ts';
import { isOld, sectionsOf } from './setup.ts';

export const DOVECOT_NAMESPACES = 'Dovecot namespaces';

/**
 * Whether it is known whose mailboxes Dovecot shows in its namespaces of others, and the line that says it; no point
 * where there are none. Pure.
 */
export function judgeNamespaces(
  doveconf: Doveconf,
  { dovecot: { namespaces: known }, targets }: Pick<Config, 'dovecot' | 'targets'>,
): Point[] {
  const wanted = namespacesOf(doveconf);
  const missing = wanted.filter(({ prefix }) => known.every((each) => each.prefix !== prefix));
  const unknown = known.filter(({ prefix }) => wanted.every((each) => each.prefix !== prefix));
  if (missing.length === 0 && unknown.length === 0)
    return wanted.length === 0 ? [] : [ok(DOVECOT_NAMESPACES, introduce(wanted, targets.sharedMailboxes))];
  const texts = [
    missing.length > 0 && `it is not known whose mailboxes are in ${listed(missing)}: nobody is told of them`,
    unknown.length > 0 && `dovecot.namespaces has ${listed(unknown)}, and Dovecot has not`,
  ];
  const text = texts.filter((each) => each !== false).join('; ');
  return [warning(DOVECOT_NAMESPACES, text, lineFor(wanted))];
}

function introduce(namespaces: readonly DovecotNamespace[], sharedMailboxes: boolean): string {
  const whose = `mailboxes in ${listed(namespaces)} are told to their owners`;
  return sharedMailboxes
    ? `${whose} and to who asked for them`
    : `${whose} alone, by targets.shared_mailboxes: false`;
}

/** Their prefixes, for people. */
export function listed(namespaces: readonly DovecotNamespace[]): string {
  return namespaces.map(({ prefix }) => prefix).join(' and ');
}

/** As the configuration would have them. A shared one without a variable is somebody's, and does not say whose. */
export function namespacesOf(doveconf: Doveconf): DovecotNamespace[] {
  const all = sectionsOf(doveconf.root, 'namespace').map(({ settings }) => settings);
  const [inbox] = all.filter((settings) => settings.get('inbox') === 'yes');
  const found = all.flatMap((settings): DovecotNamespace[] => {
    const [type = 'private', given = ''] = [settings.get('type'), settings.get('prefix')];
    const prefix = isOld(doveconf) ? prefixOf23(given) : prefixOf24(given);
    if (type === 'private' || prefix === '') return [];
    if (type !== 'shared' || !/%[und]/.test(prefix)) return [{ prefix, owner: undefined, ownPrefix: '' }];
    return [{ prefix, owner: '%u', ownPrefix: inbox?.get('prefix') ?? '' }];
  });
  return [
    ...found.filter(({ owner }) => owner !== undefined),
    ...found.filter(({ owner }) => owner === undefined),
  ];
}

/** `shared/%%u/` and `shared/%%{user}/`, of the owner; a variable with one % would be of who acts. */
function prefixOf23(prefix: string): string {
  return prefix
    .replaceAll('%%{user}', '%%u')
    .replaceAll('%%{username}', '%%n')
    .replaceAll('%%{domain}', '%%d')
    .replaceAll('%%', '%');
}

/** `shared/$user/`. */
function prefixOf24(prefix: string): string {
  return prefix.replaceAll('$username', '%n').replaceAll('$user', '%u').replaceAll('$domain', '%d');
}

function lineFor(namespaces: readonly DovecotNamespace[]): string {
  const entries = namespaces.map(({ prefix, owner, ownPrefix }) => {
    const whose = owner === undefined ? 'public: true' : `owner: ${scalar(owner)}`;
    return `{ prefix: ${scalar(prefix)}, ${whose}${ownPrefix === '' ? '' : `, own_prefix: ${scalar(ownPrefix)}`} }`;
  });
  return `dovecot: { namespaces: [${entries.join(', ')}] }`;
}

/** In YAML, within braces. */
function scalar(text: string): string {
  return /^[\w./][\w./%+-]*$/.test(text) ? text : `'${text.replaceAll("'", "''")}'`;
}
