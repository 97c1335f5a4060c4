import { ExitCode } from '../process/errors.ts';
import { countOf, visible } from '../process/text.ts';
import { type Colour, painter } from '../terminal/terminal.ts';
import type { Point, PointState } from './point.ts';
import { safeJson } from '../process/safe-json.ts';

const COLOURS: Readonly<Record<PointState, Colour>> = {
  ok: 'green',
  warning: 'yellow',
  problem: 'red',
  skipped: 'dim',
};

/** One line a point, aligned, each with its fix below it, and a count at the end. */
export function describePoints(points: readonly Point[], { colour }: { colour: boolean }): string {
  const width = Math.max(...points.map(({ point }) => point.length));
  const paint = painter(colour);
  const lines = points.flatMap(({ point, state, text, fix }) => {
    const shown = paint(state.padEnd('skipped'.length), COLOURS[state]);
    const indent = ' '.repeat('skipped'.length + width + 4);
    return [
      `${shown}  ${point.padEnd(width)}  ${visible(text)}`,
      ...(fix === null ? [] : [`${indent}fix: ${visible(fix)}`]),
    ];
  });
  return [...lines, summary(points)].map((line) => `${line}\n`).join('');
}

/** What monitoring reads. */
export function jsonOf(points: readonly Point[]): string {
  return `${safeJson(points, 2)}\n`;
}

/** 0 also for warnings, 1 for a problem. */
export function exitCodeOf(points: readonly Point[]): ExitCode {
  if (!points.some(({ state }) => state === 'problem')) return ExitCode.ok;
  return ExitCode.problem;
}

function summary(points: readonly Point[]): string {
  const count = (state: PointState): number => points.filter((point) => point.state === state).length;
  const parts = [countOf(count('problem'), 'problem'), countOf(count('warning'), 'warning')];
  const left = count('skipped');
  return [...parts, ...(left > 0 ? [`${left} not judged`] : [])].join(', ');
}
