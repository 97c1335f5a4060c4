import { visible } from '../process/text.ts';
import { columnsOf, padded, wrapped } from './columns.ts';

/** Rows as aligned columns under their headings, for people; control characters are shown, no trailing space. */
export function table(
  headings: readonly string[],
  texts: readonly (readonly string[])[],
  columns = Infinity,
): string {
  return growingTable(headings, columns)(texts);
}

/**
 * The same for rows that come one part after the other: the headings are on the first, and columns only widen. Where
 * a row needs more than `columns`, it goes on below, indented; each cell stays under its heading.
 */
export function growingTable(
  headings: readonly string[],
  columns = Infinity,
  paint: Painted = (line) => line,
): (texts: readonly (readonly string[])[]) => string {
  const widths = headings.map(columnsOf);
  let begun = false;
  return (texts) => {
    const rows = texts.map((row) => row.map(visible));
    for (const row of rows)
      row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, columnsOf(cell))));
    const places = placesOf(widths, columns);
    const heading = begun ? [] : linesOf(headings, places);
    begun = true;
    const lines = rows.flatMap((cells, row) => linesOf(cells, places).map((line) => paint(line, row)));
    return [...heading, ...lines].map((line) => `${line}\n`).join('');
  };
}

/** Colours a line of one of the rows, which are counted from 0 in each part. */
type Painted = (line: string, row: number) => string;

/** Names and their values below each other; a value that is too long for the columns goes on under its beginning. */
export function factTable(
  facts: readonly (readonly [name: string, value: string])[],
  columns = Infinity,
): string {
  const rows = facts.map(([name, value]) => [visible(name), visible(value)]);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => columnsOf(row[column] ?? ''))));
  const places = placesOf(widths, columns);
  return rows.flatMap((row) => linesOf(row, places).map((line) => `${line}\n`)).join('');
}

const GAP = 2;

/** Of the lines of a row that do not begin it. */
const INDENT = 4;

/** Too few columns to break a text in. */
const LEAST_COLUMNS = 12;

/** Where a cell stands. */
interface Place {
  /** In which of the lines that a row takes. */
  line: number;
  start: number;
  width: number;
}

/** Puts as many cells into a line as have room; a cell longer than a line is broken. */
function placesOf(widths: readonly number[], columns: number): Place[] {
  const places: Place[] = [];
  let [line, end] = [0, -GAP];
  for (const [index, width] of widths.entries()) {
    const room = columns - end - GAP;
    // The last cell is text, which may be broken where it stands.
    const isBreakable = index === widths.length - 1 && room >= Math.max(LEAST_COLUMNS, columns / 3);
    if (index > 0 && width > room && !isBreakable) {
      line += 1;
      end = INDENT - GAP;
    }
    const start = end + GAP;
    places.push({ line, start, width: Math.min(width, Math.max(LEAST_COLUMNS, columns - start)) });
    end = start + width;
  }
  return places;
}

function linesOf(cells: readonly string[], places: readonly Place[]): string[] {
  const lines: string[] = [];
  for (let line = 0; line <= (places.at(-1)?.line ?? 0); line += 1) {
    const parts = cells.flatMap((cell, column) => {
      const place = places[column];
      return place?.line === line ? [{ ...place, texts: brokenIn(cell, place.width) }] : [];
    });
    const height = Math.max(...parts.map(({ texts }) => texts.length));
    for (let at = 0; at < height; at += 1) {
      const text = parts
        .reduce((sum, part) => padded(sum, part.start) + (part.texts[at] ?? ''), '')
        .trimEnd();
      if (text !== '' || line === 0) lines.push(text);
    }
  }
  return lines;
}

function brokenIn(text: string, width: number): string[] {
  return columnsOf(text) <= width ? [text] : wrapped(text, width);
}
