import { wrappedToCopy } from '../terminal/columns.ts';
import type { Colour, Paint } from '../terminal/terminal.ts';
import type { Row, Tone } from './screen.ts';

export interface Layout {
  paint: Paint;
  /** Longer lines go on in the next one, below their text; absent where nothing is broken up. */
  columns?: number;
}

const NAME_WIDTH = 14;

/** Narrower than this, a terminal may break up the lines itself. */
const MIN_TEXT_WIDTH = 20;

const COLOURS: Readonly<Record<Tone, Colour | undefined>> = {
  plain: undefined,
  good: 'green',
  attention: 'yellow',
  bad: 'red',
};

/** The rows as lines without their ends: names and texts in two columns, the verdict above them. Pure. */
export function linesOf(rows: readonly Row[], { paint, columns }: Layout): string[] {
  return rows.flatMap(({ name, text, tone }) => {
    const isVerdict = name === '';
    const indent = isVerdict ? 0 : NAME_WIDTH;
    const parts =
      columns === undefined ? [text] : wrappedToCopy(text, Math.max(columns - indent, MIN_TEXT_WIDTH));
    const colour = COLOURS[tone];
    const painted = parts.map((part) => (colour === undefined ? part : paint(part, colour)));
    const lines = painted.map((part, index) => `${(index === 0 ? name : '').padEnd(indent)}${part}`);
    return isVerdict ? [...lines, ''] : lines;
  });
}
