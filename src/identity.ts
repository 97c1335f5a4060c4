import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { ExitCode, messageOf, OperatorError } from './errors.ts';

/**
 * Takes on the user and group that own the database's folder where the program was started by root, so that
 * nothing root makes (database, socket, spool files) is in the mail server's way. For others it does nothing.
 */
export function actAsOwnerOf(store: string): void {
  if (process.geteuid?.() !== 0) return;
  const folder = dirname(store);
  const owner = statSync(folder, { throwIfNoEntry: false });
  if (owner === undefined || owner.uid === 0) return;
  const { uid, gid } = owner;
  try {
    takeGroupsOf(uid, gid);
    process.setgid?.(gid);
    process.setuid?.(uid);
  } catch (error) {
    throw new OperatorError(`cannot act as user ${uid}, who owns ${folder} (${messageOf(error)})`, {
      exitCode: ExitCode.configuration,
      hint: 'run the command as that user, or let the folder belong to an existing one',
      cause: error,
    });
  }
}

/** The key of the certificate may be readable by a group only. */
function takeGroupsOf(uid: number, gid: number): void {
  try {
    // Missing in the types of Node 20, though there since Node 0.9.
    (process as { initgroups?: (user: number, extraGroup: number) => void }).initgroups?.(uid, gid);
  } catch {
    process.setgroups?.([gid]); // a user without an entry in passwd(5) is in no other group
  }
}
