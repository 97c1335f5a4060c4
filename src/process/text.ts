/** Escapes characters such as `\u001b`, by which a name or a server's text could paint the screen. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
  });
}

/** A time for people and programs alike: ISO 8601, UTC, whole seconds; `never` where there is none. */
export function timeText(ms: number | null): string {
  return ms === null ? 'never' : `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** `1 device`, `2 devices`; `plural` where that is not the noun and an s. */
export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}

const SPANS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const;

/** A span of time in words, rounded down in the largest unit of which there are two: `90 seconds`, `3 days`. */
export function spanText(ms: number): string {
  const [unit, unitMs] = SPANS.find(([, each]) => ms >= 2 * each) ?? ['second', 1000];
  return countOf(Math.max(0, Math.floor(ms / unitMs)), unit);
}

/** How long ago, or how far ahead, in words: `3 minutes ago`, `in 2 hours`. */
export function agoText(ms: number, nowMs: number): string {
  return ms > nowMs ? `in ${spanText(ms - nowMs)}` : `${spanText(nowMs - ms)} ago`;
}

/** A time with its age beside it: `2026-11-20T16:00:00Z (3 minutes ago)`. */
export function timeAndAge(ms: number, nowMs: number): string {
  return `${timeText(ms)} (${agoText(ms, nowMs)})`;
}

/** Bytes for people: `0 bytes`, `4 kB`, `3.1 MB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
