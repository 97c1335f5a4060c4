import type { Entry, PushEntry } from '../../src/history/entry.ts';
import type { PageData } from '../../src/page/page.ts';
import { DAY_MS, pushesOf } from '../../src/page/pushes.ts';
import { eventEntry, pushEntryOf, targetEntryOf } from './history.ts';
import { healthy } from './status.ts';
import { NOW_MS } from './store.ts';

/** A page where all is well and nothing has happened. */
export function pageData(changes: Partial<PageData> = {}): PageData {
  return {
    look: healthy(),
    pushes: pushesOf([], { nowMs: NOW_MS, sinceMs: undefined }),
    ages: [
      { text: 'within a day', devices: 2 },
      { text: '1 to 2 days ago', devices: 1 },
    ],
    events: { user: '', entries: [], explanation: 'no event has arrived', limit: 100 },
    host: 'mail.example.org',
    version: '0.0.0',
    ...changes,
  };
}

/** A day of a busy host: many by day, few by night, some that failed in the evening. */
export function busyDay(): PushEntry[] {
  return Array.from({ length: 6000 }, (_, n) => {
    const agoMs = Math.floor((DAY_MS * (n + 0.5)) / 6000);
    const byNight = 0.5 + 0.5 * Math.cos((2 * Math.PI * agoMs) / DAY_MS);
    if ((n * 7919) % 100 > 15 + 85 * byNight) return [];
    const failed = agoMs > DAY_MS / 8 && agoMs < DAY_MS / 6 && n % 5 === 0;
    const how = failed ? ({ outcome: 'retry', then: 'waits' } as const) : {};
    return pushEntryOf({ atMs: NOW_MS - agoMs, tookMs: n % 90 === 0 ? 31_000 : 180 + (n % 400), ...how });
  }).flat();
}

/** The way of an event to a device, and one that went nowhere. */
export function story(user: string): Entry[] {
  const mailboxes = [{ owner: user, path: 'INBOX' }];
  return [
    targetEntryOf({ atMs: NOW_MS - DAY_MS, user }),
    eventEntry({ atMs: NOW_MS - 60_000, mailboxes }),
    pushEntryOf({ atMs: NOW_MS - 59_700, user, mailboxes }),
    eventEntry({ atMs: NOW_MS - 9000, mailboxes, decision: 'nobody', targets: 0, reason: 'no device asked' }),
    pushEntryOf({
      ...{ atMs: NOW_MS - 5000, user, mailboxes, outcome: 'retry', reason: 'TooManyRequests' },
      ...{ then: 'waits', nextMs: NOW_MS + 60_000 },
    }),
  ];
}
