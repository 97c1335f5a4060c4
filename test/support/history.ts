import type { Entry, EventEntry, PushEntry, TargetEntry } from '../../src/history/entry.ts';
import { NOW_MS } from './store.ts';

const INBOX = [{ owner: 'alice', path: 'INBOX' }];

/** New mail in Alice's INBOX. */
export function eventEntry(changes: Partial<EventEntry> = {}): EventEntry {
  return {
    ...{ kind: 'event', atMs: NOW_MS, event: 'MessageNew', mailboxes: INBOX },
    ...{ decision: 'push', targets: 1, ...changes },
  };
}

/** Apple took the push for it. */
export function pushEntryOf(changes: Partial<PushEntry> = {}): PushEntry {
  return {
    ...{ kind: 'push', atMs: NOW_MS + 300, targetId: 1, user: 'alice', device: '80aa34cb…4f3a' },
    ...{ event: 'MessageNew', mailboxes: INBOX, apnsId: 'an-id', attempt: 1, tookMs: 300 },
    ...{ outcome: 'delivered', then: 'done', ...changes },
  };
}

export function targetEntryOf(changes: Partial<TargetEntry> = {}): TargetEntry {
  return {
    ...{ kind: 'target', atMs: NOW_MS - 1000, user: 'alice', device: '80aa34cb…4f3a', change: 'registered' },
    ...changes,
  };
}

/** One of each kind. */
export const ENTRIES: readonly Entry[] = [
  targetEntryOf(),
  eventEntry(),
  pushEntryOf(),
  { kind: 'trouble', atMs: NOW_MS + 400, reason: 'no certificate is configured' },
];
