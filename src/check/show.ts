import { ExitCode } from '../errors.ts';
import { countOf } from '../table.ts';
import type { Point, PointState } from './point.ts';

/** SGR parameters of ECMA-48: green, yellow, red, faint. */
const COLOURS: Readonly<Record<PointState, number>> = { ok: 32, warning: 33, problem: 31, skipped: 2 };

/** One line a point, aligned, each with its mend below it, and a count at the end. */
export function describePoints(points: readonly Point[], { colour }: { colour: boolean }): string {
  const width = Math.max(...points.map(({ point }) => point.length));
  const lines = points.flatMap(({ point, state, text, mend }) => {
    const word = state.padEnd('skipped'.length);
    const shown = colour ? `\u001b[${COLOURS[state]}m${word}\u001b[0m` : word;
    const indent = ' '.repeat('skipped'.length + width + 4);
    return [
      `${shown}  ${point.padEnd(width)}  ${visible(text)}`,
      ...(mend === null ? [] : [`${indent}mend: ${visible(mend)}`]),
    ];
  });
  return [...lines, summary(points)].map((line) => `${line}\n`).join('');
}

/** What monitoring reads. */
export function jsonOf(points: readonly Point[]): string {
  return `${JSON.stringify(points, null, 2)}\n`;
}

/** Whether to paint: on a terminal, unless NO_COLOR is set to something (https://no-color.org). */
export function wantsColour(isTerminal: boolean, environment: NodeJS.ProcessEnv): boolean {
  return isTerminal && (environment['NO_COLOR'] ?? '') === '';
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

/** What a file or a server put into a text must not paint the screen. */
function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
