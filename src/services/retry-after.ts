/** No service may silence us for longer. */
const LONGEST_MS = 86_400_000;

/** Milliseconds that a Retry-After asks for, as seconds or as a date (RFC 9110, 10.2.3). Undefined where it says neither. */
export function retryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : dateMs(value) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), LONGEST_MS);
}

/** NaN for what is no date with its zone: a bare number would be a year. */
function dateMs(value: string): number {
  return / GMT$/.test(value) ? Date.parse(value) : NaN;
}
