import type { Doveconf, Section } from './doveconf-output.ts';
import { isOld, sectionsOf } from './setup.ts';

/** Whose processes save mail, and so write into the spool. */
export type MailOwner =
  /** A name or a number. */
  | { kind: 'one'; user: string }
  /** Each user of the system has mail of their own. */
  | { kind: 'each' }
  /** A database or a file tells it, of which doveconf says nothing. */
  | { kind: 'unknown'; why: string };

/** By the user databases (userdb); Dovecot asks one after the other, and `mail_uid` is for what they leave open. Pure. */
export function mailOwnerOf(doveconf: Doveconf): MailOwner {
  const { root } = doveconf;
  const owners = sectionsOf(root, 'userdb').map((userdb) => ownerBy(userdb, isOld(doveconf)));
  const mailUid = root.settings.get('mail_uid') ?? '';
  const found = owners.map((owner) =>
    owner.kind === 'unknown' && mailUid !== '' ? { kind: 'one' as const, user: mailUid } : owner,
  );
  const [first, ...others] = found;
  if (first === undefined) return { kind: 'unknown', why: 'no userdb' };
  if (others.every((other) => JSON.stringify(other) === JSON.stringify(first))) return first;
  return { kind: 'unknown', why: 'several userdbs' };
}

/** Whether every userdb is `static` and says no uid, which is then left to `mail_uid`. Pure. */
export function leavesUidOpen(doveconf: Doveconf): boolean {
  const userdbs = sectionsOf(doveconf.root, 'userdb');
  const hasUid = sectionsOf(doveconf.root, 'userdb_fields').some(({ settings }) => settings.has('uid'));
  const isOpen = (userdb: Section): boolean =>
    driverOf(userdb) === 'static' && uidOf(userdb, isOld(doveconf)) === undefined;
  return userdbs.length > 0 && !hasUid && userdbs.every(isOpen);
}

function driverOf({ name, settings }: Section): string {
  return settings.get('driver') ?? name;
}

function ownerBy(userdb: Section, old: boolean): MailOwner {
  const driver = driverOf(userdb);
  if (driver === 'passwd') return { kind: 'each' };
  const uid = driver === 'static' ? uidOf(userdb, old) : undefined;
  return uid === undefined ? { kind: 'unknown', why: `userdb ${driver}` } : { kind: 'one', user: uid };
}

/** 2.3 has several places for it; the later one of these holds. */
const OLD_PLACES = ['default_fields', 'args', 'override_fields'];

function uidOf(userdb: Section, old: boolean): string | undefined {
  if (old)
    return OLD_PLACES.flatMap(
      (key) => /(?:^|\s)uid=(\S+)/.exec(userdb.settings.get(key) ?? '')?.[1] ?? [],
    ).at(-1);
  return sectionsOf(userdb, 'fields').flatMap(({ settings }) => settings.get('uid') ?? [])[0];
}
