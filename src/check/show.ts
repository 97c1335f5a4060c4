import { ExitCode } from '../process/errors.ts';
import { safeJson } from '../process/safe-json.ts';
import { countOf } from '../process/text.ts';
import type { Point, PointState } from './point.ts';

/** What monitoring reads. */
export function jsonOf(points: readonly Point[]): string {
  return `${safeJson(points, 2)}\n`;
}

/** 0 also for warnings, 1 for a problem. */
export function exitCodeOf(points: readonly Point[]): ExitCode {
  if (!points.some(({ state }) => state === 'problem')) return ExitCode.ok;
  return ExitCode.problem;
}

/** How many there are of what is not well. */
export function summary(points: readonly Point[]): string {
  const count = (state: PointState): number => points.filter((point) => point.state === state).length;
  const parts = [countOf(count('problem'), 'problem'), countOf(count('warning'), 'warning')];
  const left = count('skipped');
  return [...parts, ...(left > 0 ? [`${left} not judged`] : [])].join(', ');
}

/** Points come in the order in which they need one another: the first problem may be the cause of the others. */
export function firstToDo(points: readonly Point[]): Point | undefined {
  return points.find(({ state }) => state === 'problem') ?? points.find(({ state }) => state === 'warning');
}
