import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { ExitCode, messageOf, OperatorError } from './errors.ts';
import { handOver, type Owner } from './hand-over.ts';

/**
 * Takes on the user and group that own the database's folder where the program was started by root, so that
 * nothing root makes (database, socket, spool files) is in the mail server's way. For others it does nothing.
 * Throws HandedOver where this Node cannot change its user: then the same command line runs again, as the owner, who is
 * handed the configuration's file too.
 */
export function actAsOwnerOf(store: string, configFile?: string): void {
  const owner = ownerToBecome(store);
  if (owner === undefined) return;
  if (!canChangeUser()) throw handOver(owner, configFile);
  try {
    become(owner);
  } catch (error) {
    throw new OperatorError(
      `cannot act as user ${owner.uid}, who owns ${dirname(store)} (${messageOf(error)})`,
      {
        exitCode: ExitCode.configuration,
        hint: 'run the command as that user, or let the folder belong to an existing one',
        cause: error,
      },
    );
  }
}

/** Who that is; undefined where nothing is to change. */
export function ownerToBecome(store: string): Owner | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const owner = statSync(dirname(store), { throwIfNoEntry: false });
  return owner === undefined || owner.uid === 0 ? undefined : { uid: owner.uid, gid: owner.gid };
}

/** False where root would make a database of which nobody knows yet who is to own it. */
export function isOwnerKnown(store: string): boolean {
  return process.geteuid?.() !== 0 || existsSync(dirname(store));
}

/**
 * False for a Node whose libuv may use io_uring: each such call throws ERR_INVALID_STATE there (CVE-2024-22017). Debian
 * 13 has one, which links a libuv of the system's.
 */
export function canChangeUser(): boolean {
  try {
    process.setegid?.(process.getegid?.() ?? 0);
    return true;
  } catch {
    return false;
  }
}

function become({ uid, gid }: Owner): void {
  takeGroupsOf(uid, gid);
  process.setgid?.(gid);
  process.setuid?.(uid);
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
