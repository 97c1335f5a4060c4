import { expect, test } from 'vitest';
import { agoText } from '../../src/process/text.ts';
import { pushJson, pushTable } from '../../src/waiting/show.ts';
import type { WaitingPush } from '../../src/outbox/waiting.ts';
import { ACCOUNT_ID, DEVICE_TOKEN } from '../support/events.ts';
import { ALICES_ARCHIVE, ALICES_INBOX, NOW_MS } from '../support/store.ts';

function push(changes: Partial<WaitingPush> = {}): WaitingPush {
  return {
    targetId: 1,
    user: 'alice',
    deviceToken: DEVICE_TOKEN,
    accountId: ACCOUNT_ID,
    event: 'MessageNew',
    mailboxes: [ALICES_INBOX],
    enqueuedMs: NOW_MS - 5000,
    eventMs: NOW_MS,
    dueMs: NOW_MS,
    attempts: 0,
    attemptedMs: null,
    heldBy: null,
    lastReason: null,
    leaseOwner: null,
    leaseUntilMs: null,
    ...changes,
  };
}

const ON_A_TERMINAL = { columns: Infinity, time: (ms: number | null) => agoText(ms ?? 0, NOW_MS) };

/** The cells of the only line. */
function cells(changes: Partial<WaitingPush>): string[] {
  const [, line = ''] = pushTable([push(changes)], 1, NOW_MS, ON_A_TERMINAL).split('\n');
  return line.split(/ {2,}/);
}

test.each<[string, Partial<WaitingPush>, string[]]>([
  ['was never tried', {}, ['0', 'now', 'not tried yet']],
  [
    'is held back',
    { dueMs: NOW_MS + 3000 },
    ['0', 'in 3 seconds', 'held back, to be told together with what comes next'],
  ],
  [
    'failed',
    { attempts: 2, dueMs: NOW_MS + 3_600_000, heldBy: 'connection', lastReason: 'ECONNREFUSED' },
    ['2', 'in 60 minutes', 'Apple cannot be reached (ECONNREFUSED)'],
  ],
  ['failed without a reason', { attempts: 1, heldBy: 'apple' }, ['1', 'now', 'Apple has trouble of its own']],
  [
    'is under way',
    { attempts: 1, leaseOwner: '4026531836:1234:5', leaseUntilMs: NOW_MS + 1 },
    ['1', 'being sent by pid 1234'],
  ],
  [
    'is under way from a host without /proc',
    { attempts: 1, leaseOwner: 'unknown:x', leaseUntilMs: NOW_MS + 1 },
    ['1', 'being sent'],
  ],
  [
    'was left behind',
    { attempts: 1, leaseOwner: '4026531836:1234:5', leaseUntilMs: NOW_MS },
    ['1', 'now', 'its sender has ended without an answer'],
  ],
])('a push that %s', (_what, changes, last) => {
  expect(cells(changes)).toEqual(['alice', '80aa34cb…4f3a', 'MessageNew', 'INBOX', '5 seconds ago', ...last]);
});

test('mailboxes: whose they are, and no more than fit', () => {
  const of = (mailboxes: WaitingPush['mailboxes']): string | undefined => cells({ mailboxes })[3];
  expect(of([ALICES_INBOX, ALICES_ARCHIVE])).toBe('INBOX, Archive');
  expect(of([{ owner: 'bob', path: 'Team' }])).toBe('Team of bob');
  expect(of([{ owner: '', path: 'Lists' }])).toBe('Lists of nobody');
  expect(of(['a', 'b', 'c', 'd', 'e'].map((path) => ({ owner: 'alice', path })))).toBe('a, b, c, 2 more');
  expect(of([{ owner: 'alice', path: 'x\u001b[2J' }])).toBe('x\\u001b[2J');
});

test('says how many more there are', () => {
  expect(pushTable([], 0, NOW_MS)).toBe('no push waits\n');
  expect(pushTable([push()], 1, NOW_MS)).not.toContain('more');
  expect(pushTable([push()], 3, NOW_MS)).toMatch(/\n… and 2 more pushes: see --limit\n$/);
});

test('JSON redacts and names who sends', () => {
  const sending = {
    leaseOwner: '4026531836:1234:5',
    leaseUntilMs: NOW_MS + 1,
    attempts: 1,
    attemptedMs: NOW_MS,
  };
  expect(pushJson(push(sending), NOW_MS)).toEqual({
    user: 'alice',
    deviceToken: '80aa34cb…4f3a',
    accountId: '0715A26B…',
    event: 'MessageNew',
    mailboxes: [ALICES_INBOX],
    since: '2023-11-14T22:13:15Z',
    latestEvent: '2023-11-14T22:13:20Z',
    attempts: 1,
    latestAttempt: '2023-11-14T22:13:20Z',
    nextAttempt: null,
    sending: true,
    sentByPid: 1234,
    heldBy: null,
    reason: null,
  });
  expect(pushJson(push(), NOW_MS)).toMatchObject({
    nextAttempt: '2023-11-14T22:13:20Z',
    sending: false,
    sentByPid: null,
  });
});
