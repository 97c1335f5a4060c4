import { spawnSync } from 'node:child_process';
import { commandAs, type Owner, ownCommand } from '../process/hand-over.ts';
import { CONFIGURATION } from './configuration.ts';
import { MAIL_USER } from './mail-user.ts';
import { type Point, problem, skippedAll } from './point.ts';

/** What the same check says when that user runs it, beyond the points that are judged already; `rest` names those. */
export function checkAs(
  owner: Owner,
  {
    judged,
    rest,
    configFile,
  }: { judged: readonly Point[]; rest: readonly string[]; configFile: string | undefined },
): Point[] {
  const options = configFile === undefined ? [] : ['--config', configFile];
  const [program, ...args] = commandAs(owner, [...ownCommand(), ...options, 'check', '--json']);
  const stdio = ['ignore', 'pipe', 'pipe'] as const;
  const { error, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', stdio: [...stdio] });
  const points = error === undefined ? pointsIn(stdout) : undefined;
  const known = new Set([CONFIGURATION, ...judged.map(({ point }) => point)]);
  if (points !== undefined) return points.filter(({ point }) => !known.has(point));
  const why = error?.message ?? (stderr.trim() || 'it says nothing');
  const text = `the check does not run as user id ${owner.uid}: ${why}`;
  return [
    problem(MAIL_USER, text, 'let that user read the whole folder of the program'),
    ...skippedAll(rest, MAIL_USER),
  ];
}

function pointsIn(text: string): Point[] | undefined {
  try {
    return JSON.parse(text) as Point[];
  } catch {
    return undefined; // it has failed, and says why on standard error
  }
}
