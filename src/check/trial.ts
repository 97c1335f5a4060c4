import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync, statSync } from 'node:fs';
import { commandAs } from '../process/hand-over.ts';
import { canChangeUser } from '../process/identity.ts';
import { type Trial, type TrialOrder, type TrialResult, TRIAL_SCRIPT } from './trial-script.ts';

/** The user that the mail server runs us as. */
export interface MailUser {
  /** `user cyrus`, `user id 4711`. */
  called: string;
  uid: number;
  gid: number;
  /** Options of install(1) for a folder of theirs: `-o cyrus -g mail`. */
  ownership: string;
}

/** Far more than a program needs to print its version; the mail server waits for it too. */
const RUN_TIMEOUT_MS = 10_000;

/** Tries each as that user, if we are root, in a process of its own; else as ourselves. */
export function tryAs(
  { uid, gid }: MailUser,
  trials: readonly Trial[],
  { environment = {}, timeoutMs = RUN_TIMEOUT_MS }: Partial<TrialOrder> = {},
): TrialResult[] {
  const order: TrialOrder = { uid, gid, trials, environment, timeoutMs };
  const script = [process.execPath, '-e', TRIAL_SCRIPT, '--', JSON.stringify(order)];
  const [program = '', ...args] = needsHelp(uid) ? commandAs({ uid, gid }, script) : script;
  const { error, status, stdout, stderr } = spawnSync(program, args, { cwd: '/', env: {}, encoding: 'utf8' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(lastErrorLine(stderr));
  return JSON.parse(stdout) as TrialResult[];
}

/** Whether the script could not become that user by itself. */
function needsHelp(uid: number): boolean {
  return process.geteuid?.() === 0 && uid !== 0 && !canChangeUser();
}

function lastErrorLine(stderr: string): string {
  return /^(?:\w*Error|setpriv): .*$/m.exec(stderr)?.[0] ?? 'the trial failed';
}

/** Tries one thing; gives why it failed and what helps, or undefined where it went well. */
export function obstacle(user: MailUser, { kind, path }: Trial): { text: string; fix: string } | undefined {
  const target = existsSync(path) ? realpathSync(path) : path;
  const [asNamed, asMeant] = tryAs(user, [
    { kind, path },
    { kind, path: target },
  ]);
  if (asNamed?.code === undefined) return undefined;
  return explain(user, { kind, path }, asNamed.code, asNamed.at ?? asMeant?.at);
}

const VERBS: Readonly<Record<Trial['kind'], string>> = {
  read: 'read',
  append: 'write to',
  fill: 'write into',
  execute: 'execute',
  run: 'execute',
};

function explain(
  user: MailUser,
  { kind, path }: Trial,
  code: string,
  closed: string | undefined,
): { text: string; fix: string } {
  const { called } = user;
  const verb = VERBS[kind];
  switch (code) {
    case 'ENOENT':
      return { text: `there is no ${path}`, fix: `put it there, or correct the path` };
    case 'EACCES':
      if (closed !== undefined)
        return {
          text: `${called} cannot ${verb} ${path}: it may not enter ${closed}`,
          fix: `chmod o+x ${closed}; or choose another place`,
        };
      return { text: `${called} may not ${verb} ${path}`, fix: permission(user, { kind, path }) };
    case 'EROFS':
      return {
        text: `${path} is on a file system that is read-only`,
        fix: `mount it for writing; see which it is: df ${path}`,
      };
    case 'ENOSPC':
    case 'EDQUOT':
      return {
        text: `there is no space left for ${path}`,
        fix: `make room on its file system: df -h ${path}`,
      };
    default:
      return { text: `${called} cannot ${verb} ${path}: ${code}`, fix: `look at it: ls -ld ${path}` };
  }
}

/** The command that lets the user do it: what is only read or executed keeps its owner. */
function permission({ uid, ownership }: MailUser, { kind, path }: Trial): string {
  const [, owner = '', group = ''] = /^-o (\S+) -g (\S+)$/.exec(ownership) ?? [];
  if (statSync(path, { throwIfNoEntry: false })?.uid === uid) return `chmod ${OWN_MODES[kind]} ${path}`;
  if (kind === 'read') return `chgrp ${group} ${path} && chmod g+r ${path}`;
  if (kind === 'execute' || kind === 'run') return `chmod a+rx ${path}`;
  return `chown ${owner}:${group} ${path}`;
}

/** What is missing where it belongs to the user already. */
const OWN_MODES: Readonly<Record<Trial['kind'], string>> = {
  read: 'u+r',
  append: 'u+rw',
  fill: 'u+rwx',
  execute: 'u+rx',
  run: 'u+rx',
};
