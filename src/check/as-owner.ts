import { spawnSync } from 'node:child_process';
import { commandAs, type Owner, ownCommand } from '../process/hand-over.ts';
import { MAIL_USER } from './mail-user.ts';
import { type Point, problem, skippedAll } from './point.ts';

/** Of `check`, for the process that goes on as the owner: not told in its help. */
export const OWNERS_PART_ONLY = '--owners-part-only';

/** What that part of the check says when that user runs it; `names` are its points, skipped where it does not run. */
export function checkAs(
  owner: Owner,
  { names, configFile }: { names: readonly string[]; configFile: string | undefined },
): Point[] {
  const options = configFile === undefined ? [] : ['--config', configFile];
  const command = [...ownCommand(), ...options, 'check', '--json', OWNERS_PART_ONLY];
  const [program, ...args] = commandAs(owner, command);
  const stdio = ['ignore', 'pipe', 'pipe'] as const;
  const { error, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', stdio: [...stdio] });
  const points = error === undefined ? pointsIn(stdout) : undefined;
  if (points !== undefined) return points;
  const why = error?.message ?? (stderr.trim() || 'it says nothing');
  const text = `the check does not run as user id ${owner.uid}: ${why}`;
  return [
    problem(MAIL_USER, text, 'let that user read the whole folder of the program'),
    ...skippedAll(names, MAIL_USER),
  ];
}

function pointsIn(text: string): Point[] | undefined {
  try {
    return JSON.parse(text) as Point[];
  } catch {
    return undefined; // it has failed, and says why on standard error
  }
}
