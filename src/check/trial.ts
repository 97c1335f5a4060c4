import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { commandAs } from '../process/hand-over.ts';
import { canChangeUser } from '../process/identity.ts';
import { letUse, type MailUser } from '../process/mail-user.ts';
import { type Trial, type TrialOrder, type TrialResult, TRIAL_SCRIPT } from './trial-script.ts';

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

/** Why something cannot be done, and what helps. */
export interface Obstacle {
  text: string;
  fix: string;
}

/** Tries one thing; gives why it failed, or undefined where it went well. */
export function obstacle(user: MailUser, trial: Trial): Obstacle | undefined {
  return obstacles(user, [trial])[0];
}

/** Tries each of them, all in one process; gives why those failed that did. */
export function obstacles(user: MailUser, trials: readonly Trial[]): Obstacle[] {
  const meant = trials.map(({ kind, path }) => ({
    kind,
    path: existsSync(path) ? realpathSync(path) : path,
  }));
  const results = tryAs(user, [...trials, ...meant]);
  return trials.flatMap((trial, index) => {
    const asNamed = results[index];
    if (asNamed?.code === undefined) return [];
    return [explain(user, trial, asNamed.code, asNamed.at ?? results[trials.length + index]?.at)];
  });
}

const VERBS: Readonly<Record<Trial['kind'], string>> = {
  read: 'read',
  append: 'write to',
  fill: 'write into',
  execute: 'execute',
  run: 'execute',
};

function explain(user: MailUser, { kind, path }: Trial, code: string, closed: string | undefined): Obstacle {
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
      return {
        text: `${called} may not ${verb} ${path}`,
        fix: letUse(user, kind === 'run' ? 'execute' : kind, path),
      };
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
