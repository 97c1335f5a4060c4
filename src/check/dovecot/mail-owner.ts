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

function ownerBy(userdb: Section, old: boolean): MailOwner {
  const driver = userdb.settings.get('driver') ?? userdb.name;
  if (driver === 'passwd') return { kind: 'each' };
  const uid = driver === 'static' ? uidOf(userdb, old) : undefined;
  return uid === undefined ? { kind: 'unknown', why: `userdb ${driver}` } : { kind: 'one', user: uid };
}

function uidOf(userdb: Section, old: boolean): string | undefined {
  if (old) return /(?:^|\s)uid=(\S+)/.exec(userdb.settings.get('args') ?? '')?.[1];
  return sectionsOf(userdb, 'fields').flatMap(({ settings }) => settings.get('uid') ?? [])[0];
}
