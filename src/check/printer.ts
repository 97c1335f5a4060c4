import { visible } from '../process/text.ts';
import { foldedToCopy } from '../terminal/columns.ts';
import { type Colour, painter } from '../terminal/terminal.ts';
import type { Point, PointState } from './point.ts';
import { firstToDo, summary } from './show.ts';
import type { Listener } from './subject.ts';

const COLOURS: Readonly<Record<PointState, Colour>> = {
  ok: 'green',
  warning: 'yellow',
  problem: 'red',
  skipped: 'dim',
};

const STATE_WIDTH = 'skipped'.length;

/** `notify_external`; few names are longer. */
const NAME_WIDTH = 15;
const GAP = '  ';

/** Narrower than this, a terminal may break up the lines itself. */
const MIN_TEXT_WIDTH = 20;

export interface PrinterOptions {
  out: (text: string) => void;
  colour: boolean;
  /** Of the terminal; undefined in a pipe, where each point has a line of its own. */
  columns: number | undefined;
  /** What is well is told point by point on a terminal too. */
  verbose: boolean;
}

export interface Printer extends Listener {
  finish(points: readonly Point[]): void;
}

/** Prints the points of each subject as they come, and at the end how many are not well and what to do first. */
export function createPrinter(options: PrinterOptions): Printer {
  const { out, columns, verbose } = options;
  const print = (lines: readonly string[]): void => out(lines.map((line) => `${line}\n`).join(''));
  return {
    begin: (subject) => {
      if (columns !== undefined) print([subject]);
    },
    end: (points) => {
      const named = points.map(forPeople);
      const lines = columns === undefined || verbose ? named : folding(named);
      print(skippedTogether(lines, options).flatMap((line) => linesOf(line, options)));
    },
    finish: (points) => {
      const end = [summary(points), ...firstLines(points.map(forPeople), options)];
      print([...(columns === undefined ? [] : ['']), ...end]);
    },
  };
}

/** The names of points are keys for programs, which keep the first word for a device: people read `device`. */
function forPeople(point: Point): Point {
  return { ...point, point: point.point.replace(/^target/, 'device') };
}

/** A point, or several at once: their names stand in the place of one. */
type Line = Omit<Point, 'fix'> & { fix: string | null };

/** What is well, in one line before the others. */
function folding(points: readonly Point[]): Line[] {
  const well = points.filter(({ state }) => state === 'ok');
  const names = [...new Set(well.map(({ point }) => point))].join(', ');
  const others = points.filter(({ state }) => state !== 'ok');
  return [
    ...(well.length === 0 ? [] : [{ point: '', state: 'ok' as const, text: names, fix: null }]),
    ...others,
  ];
}

/** Those that wait for the same, in one line; of many nobody on a terminal reads the names. */
function skippedTogether(lines: readonly Line[], { columns, verbose }: PrinterOptions): Line[] {
  const skipped = lines.filter(({ state }) => state === 'skipped');
  const together = [...new Set(skipped.map(({ text }) => text))].map((text): Line => {
    const names = skipped.filter((line) => line.text === text).map(({ point }) => point);
    const isNamed = columns === undefined || verbose || names.length <= NAMED_MAX;
    if (names.length === 1) return { point: names[0] ?? '', state: 'skipped', text, fix: null };
    const told = isNamed ? `${names.join(', ')} (${text})` : text;
    return { point: `${names.length} points`, state: 'skipped', text: told, fix: null };
  });
  return [...lines.filter(({ state }) => state !== 'skipped'), ...together];
}

const NAMED_MAX = 5;

/** Narrower than this, the text begins below the name. */
const NARROW_COLUMNS = 80;

function linesOf({ point, state, text, fix }: Line, { colour, columns }: PrinterOptions): string[] {
  const isNarrow = columns !== undefined && columns < NARROW_COLUMNS;
  const margin = columns === undefined ? '' : GAP;
  const beforeName = margin.length + STATE_WIDTH + GAP.length;
  const indent = beforeName + (point === '' || isNarrow ? 0 : NAME_WIDTH + GAP.length);
  const begin = `${margin}${painter(colour)(state.padEnd(STATE_WIDTH), COLOURS[state])}${GAP}`;
  const ownLine = isNarrow && point !== '' ? [`${begin}${point}`] : [];
  const first = ownLine.length > 0 ? ' '.repeat(indent) : `${begin}${named(point)}`;
  return [
    ...ownLine,
    ...within(columns, first, indent, visible(text)),
    ...(fix === null ? [] : within(columns, ' '.repeat(indent), indent, `fix: ${visible(fix)}`)),
  ];
}

function named(point: string): string {
  return point === '' ? '' : `${point.padEnd(NAME_WIDTH)}${GAP}`;
}

/** The text behind `begin`, whose further lines are as far from the margin as itself. */
function within(columns: number | undefined, begin: string, indent: number, text: string): string[] {
  const lines =
    columns === undefined ? [text] : foldedToCopy(text, Math.max(columns - indent, MIN_TEXT_WIDTH));
  return lines.map((line, index) => `${index === 0 ? begin : ' '.repeat(indent)}${line}`);
}

function firstLines(points: readonly Point[], { columns }: PrinterOptions): string[] {
  const first = firstToDo(points);
  if (first?.fix === undefined || first.fix === null) return [];
  const begin = 'do first: ';
  return within(columns, begin, begin.length, `${visible(first.fix)} (${first.point})`);
}
