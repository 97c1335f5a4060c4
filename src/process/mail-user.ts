import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { ownership, userWithId } from './rights.ts';

/** A user that the mail server runs programs as. */
export interface MailUser {
  /** `user cyrus`, `user id 4711`. */
  called: string;
  uid: number;
  gid: number;
  /** All groups, that one too. */
  gids: readonly number[];
  /** For chown(1): names, and numbers where there are none. */
  owner: string;
  group: string;
}

/** Where id(1) is, also for a process of notifyd or of a timer, which may have no PATH. */
export const USUAL_PATH = '/usr/bin:/bin';

/** By name or number; undefined where there is none. */
export function userCalled(name: string): MailUser | undefined {
  try {
    const ids = { uid: Number(idOf('-u', name)), gid: Number(idOf('-g', name)) };
    const gids = idOf('-G', name).split(' ').map(Number);
    return { called: `user ${name}`, ...ids, gids, owner: name, group: idOf('-gn', name) };
  } catch {
    if (!/^\d+$/.test(name)) return undefined; // id(1) knows nobody of that name
    // Mail may belong to a number that no user of the system has.
    const id = Number(name);
    return { called: `user id ${name}`, uid: id, gid: id, gids: [id], owner: name, group: name };
  }
}

function idOf(flag: '-u' | '-g' | '-gn' | '-G', name: string): string {
  const env = { PATH: `${process.env['PATH'] ?? ''}:${USUAL_PATH}` };
  return execFileSync('id', [flag, '--', name], { encoding: 'utf8', env, stdio: 'pipe' }).trim();
}

/** Whose a folder is; undefined where there is none. */
export function ownerOf(folder: string): MailUser | undefined {
  const stats = statSync(folder, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  const { uid, gid } = stats;
  const [owner = '', group = ''] = ownership(stats).split(':');
  return { called: userWithId(uid), uid, gid, gids: [gid], owner, group };
}

/** The options of install(1) for a folder of theirs. */
export function asOwner({ owner, group }: Pick<MailUser, 'owner' | 'group'>): string {
  return `-o ${owner} -g ${group}`;
}

/** What somebody does with a file or folder. `fill`: makes files in it. */
export type Use = 'read' | 'append' | 'fill' | 'execute';

/** What is missing where it belongs to the user already. */
const OWN_MODES: Readonly<Record<Use, string>> = {
  read: 'u+r',
  append: 'u+rw',
  fill: 'u+rwx',
  execute: 'u+rx',
};

/** The command that lets the user do it: what is only read or executed keeps its owner. */
export function letUse({ uid, owner, group }: MailUser, use: Use, path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.uid === uid) return `chmod ${OWN_MODES[use]} ${path}`;
  if (use === 'read') return `chgrp ${group} ${path} && chmod g+r ${path}`;
  if (use === 'execute') return `chmod a+rx ${path}`;
  return `chown ${owner}:${group} ${path}`;
}
