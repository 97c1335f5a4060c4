/** Rows as aligned columns under their headings, for people; no trailing space. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [headings, ...rows].map((cells) => `${line(cells)}\n`).join('');
}

/** A time for people and programs alike: ISO 8601, UTC, whole seconds; `never` where there is none. */
export function timeText(ms: number | null): string {
  return ms === null ? 'never' : `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** `1 target`, `2 targets`; `plural` where that is not the noun and an s. */
export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}
