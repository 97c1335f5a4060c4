import { visible } from '../process/text.ts';
import { columnsOf, padded } from './columns.ts';

/** Rows as aligned columns under their headings, for people; control characters are shown, no trailing space. */
export function table(headings: readonly string[], texts: readonly (readonly string[])[]): string {
  return growingTable(headings)(texts);
}

/** The same for rows that come one part after the other: the headings are on the first, and columns only widen. */
export function growingTable(headings: readonly string[]): (texts: readonly (readonly string[])[]) => string {
  const widths = headings.map(columnsOf);
  let begun = false;
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => padded(cell, widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return (texts) => {
    const rows = texts.map((row) => row.map(visible));
    for (const row of rows)
      row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, columnsOf(cell))));
    const lines = begun ? rows : [headings, ...rows];
    begun = true;
    return lines.map((cells) => `${line(cells)}\n`).join('');
  };
}
