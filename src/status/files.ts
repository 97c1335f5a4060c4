import { realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { allFilesOf } from '../apns/credentials/source.ts';
import type { Config } from '../config/config.ts';
import { ownFile } from '../process/installation.ts';
import { attention, broken, type Finding } from './finding.ts';
import { letUse, type MailUser, type Use } from '../process/mail-user.ts';
import { closedTo, isReadOnly, isThere, type Right } from './closed.ts';

/** What the user who takes events and delivers cannot use, of all that this needs; what is missing is told elsewhere. */
export function unusableFiles(config: Config, user: MailUser): Finding[] {
  const { file, imapdConf, apns, store, spool } = config;
  const toRead = [file, imapdConf, ...allFilesOf(apns), ownFile('dist/main.cjs')];
  const unread = toRead.flatMap((path) => path ?? []).flatMap((path) => lack(user, path, ['read']) ?? []);
  // Only what the database cannot take goes into the spool; where hosts share it, everything.
  const isShared = config.postgres !== undefined;
  const unspooled = lack(user, spool, ['write', 'execute']);
  return [
    ...unread,
    ...unusableStore(store, user),
    ...(unspooled === undefined ? [] : [isShared ? unspooled : attention(unspooled.text, unspooled.fix)]),
  ];
}

/** What Cyrus's user cannot use of what notifyd starts, and of the spool where that writes events there. */
export function unusableHandler({ spool }: Config, user: MailUser, handler: string): Finding[] {
  const lacks = [
    lack(user, handler, ['execute']),
    isSpooler(handler) ? lack(user, spool, ['write', 'execute']) : undefined,
  ];
  return lacks.flatMap((each) => each ?? []);
}

/** Whether that leaves events to `serve`, whose user alone needs the database. */
export function isSpooler(handler: string): boolean {
  return basename(realOf(handler)) === 'xapplepush-spool';
}

/** The path itself where it leads nowhere, or this process may not look. */
function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/**
 * The first of what is lacking: SQLite writes the files of a database in WAL mode, and makes them anew
 * (https://sqlite.org/walformat.html).
 */
function unusableStore(store: string, user: MailUser): Finding[] {
  const files = [store, `${store}-wal`, `${store}-shm`];
  const lacks = [
    lack(user, dirname(store), ['write', 'execute']),
    ...files.map((path) => lack(user, path, ['write', 'read'])),
  ];
  return lacks.flatMap((each) => each ?? []).slice(0, 1);
}

/** By the first of the rights it is told. */
function lack(user: MailUser, path: string, rights: readonly [Right, ...Right[]]): Finding | undefined {
  if (!isThere(path)) return undefined;
  const closed = closedTo(user, path, rights);
  if (closed === undefined) return undefined;
  const { called } = user;
  const [right] = rights;
  const use = right === 'write' ? (rights.includes('execute') ? 'fill' : 'append') : right;
  if (closed !== path) return broken(`${called} may not enter ${closed}`, `chmod o+x ${closed}`);
  if (isReadOnly(path))
    return broken(`${path} is on a file system that is read-only`, 'mount it for writing');
  return broken(`${called} may not ${VERBS[use]} ${path}`, letUse(user, use, path));
}

const VERBS: Readonly<Record<Use, string>> = {
  read: 'read',
  append: 'write to',
  fill: 'write into',
  execute: 'execute',
};
