/** RFC 3339, 5.6, with a fraction of any length. */
const INSTANT = /^\d{4}-(\d{2})-(\d{2})T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;

/** A time with its milliseconds, which `timeText` of table.ts has not. Inverse of `instantOf`. */
export function instantText(ms: number): string {
  return new Date(ms).toISOString();
}

/** Milliseconds since the epoch of a time in ISO 8601, cut to whole ones; undefined for what is none. */
export function instantOf(text: string): number | undefined {
  const date = INSTANT.exec(text);
  if (date === null) return undefined;
  const ms = Date.parse(text);
  // Date.parse takes 30 February for 1 March.
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  return Number.isNaN(ms) || day.getUTCDate() !== Number(date[2]) ? undefined : ms;
}
