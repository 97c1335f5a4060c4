import { countOf, timeText } from '../../process/text.ts';

/** What of a credential matters here; provider tokens have no end. */
export interface Expiring {
  topic: string;
  files: readonly string[];
  notAfterMs: number | undefined;
}

const DAY_MS = 24 * 3600 * 1000;

/** Apple takes days for a new certificate, and devices a day to register with it. */
export const WARNING_DAYS = 30;

/** Whole days until then; negative when it is over. */
export function daysLeft(notAfterMs: number, nowMs: number): number {
  return Math.floor((notAfterMs - nowMs) / DAY_MS);
}

/** One line about a credential's end, from 30 days before it on; undefined as long as there is nothing to do. Pure. */
export function expiryWarning({ topic, files, notAfterMs }: Expiring, nowMs: number): string | undefined {
  if (notAfterMs === undefined) return undefined;
  const days = daysLeft(notAfterMs, nowMs);
  if (days >= WARNING_DAYS) return undefined;
  const certificate = `the certificate in ${files[0] ?? 'memory'} for ${topic}`;
  const when = timeText(notAfterMs);
  if (notAfterMs <= nowMs) return `${certificate} expired on ${when}; Apple takes no push with it`;
  const left = days === 0 ? 'less than a day' : countOf(days, 'day');
  return `${certificate} expires in ${left}, on ${when}; renew it under the same topic`;
}
