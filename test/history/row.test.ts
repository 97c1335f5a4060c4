import { expect, test } from 'vitest';
import type { Entry } from '../../src/history/entry.ts';
import { colourOf, rowOf } from '../../src/history/row.ts';
import { collectionMailbox } from '../../src/mailboxes/collection.ts';
import type { Colour } from '../../src/terminal/terminal.ts';
import { IN_FULL } from '../../src/terminal/layout.ts';
import { eventEntry, pushEntryOf, targetEntryOf } from '../support/history.ts';

const DEVICE = '80aa34cb…4f3a';
const PUSH = ['alice', DEVICE, 'MessageNew', 'INBOX'];
const DELAY = '0.3 s after the event';
const RETRY = pushEntryOf({
  outcome: 'retry',
  reason: 'ServiceUnavailable',
  then: 'waits',
  atMs: 0,
  nextMs: 5000,
});

test.each<[Entry, string[], Colour | undefined]>([
  [eventEntry(), ['alice', '', 'MessageNew', 'INBOX', '1 device to be told'], undefined],
  [
    eventEntry({ targets: 2, reason: '1 device failed' }),
    ['alice', '', 'MessageNew', 'INBOX', '2 devices to be told; 1 device failed'],
    undefined,
  ],
  [
    eventEntry({ decision: 'nobody', reason: 'no device asked', targets: 0 }),
    ['alice', '', 'MessageNew', 'INBOX', 'nobody is told: no device asked'],
    'dim',
  ],
  [
    eventEntry({ decision: 'ignored', reason: 'why', mailboxes: [] }),
    ['', '', 'MessageNew', '', 'nobody is told: why'],
    'dim',
  ],
  [
    eventEntry({ decision: 'refused', event: 'input', reason: 'not JSON', mailboxes: [] }),
    ['', '', 'input', '', 'cannot be taken: not JSON'],
    'dim',
  ],
  [
    eventEntry({ mailboxes: ['a', ''].map((owner) => ({ owner, path: 'P' })) }),
    ['a, nobody', '', 'MessageNew', 'P, P', '1 device to be told'],
    undefined,
  ],
  [
    eventEntry({ mailboxes: [collectionMailbox('calendar', 'oknraw1vj10bnztsly3ox6he')] }),
    ['', '', 'MessageNew', 'calendar oknraw1vj10bnztsly3ox6he', '1 device to be told'],
    undefined,
  ],
  [targetEntryOf(), ['alice', DEVICE, '', '', 'registered'], undefined],
  [
    targetEntryOf({ change: 'push given up', reason: 'never tried' }),
    ['alice', DEVICE, '', '', 'push given up (never tried)'],
    undefined,
  ],
  [pushEntryOf(), [...PUSH, `Apple took the push, ${DELAY}`], 'green'],
  [
    { ...RETRY, attempt: 2 },
    [...PUSH, 'not delivered: ServiceUnavailable, attempt 2; the next attempt is within 5 seconds'],
    'yellow',
  ],
  [
    pushEntryOf({ outcome: 'gone', reason: 'Unregistered', then: 'target removed' }),
    [...PUSH, 'Apple no longer knows the device: Unregistered; the device is removed'],
    'red',
  ],
  [
    pushEntryOf({ outcome: 'rejected', reason: 'Forbidden', then: 'target disabled' }),
    [...PUSH, 'Apple refused the push: Forbidden; no more pushes until the device registers again'],
    'red',
  ],
  [
    pushEntryOf({ outcome: 'misconfigured', reason: 'BadTopic', then: 'given up' }),
    [...PUSH, 'our set-up is wrong: BadTopic; the push is given up'],
    'red',
  ],
  [
    { kind: 'trouble', atMs: 0, reason: 'no certificate' },
    ['everybody', '', '', '', 'nothing can be sent, every push waits: no certificate'],
    'red',
  ],
])('%j', (entry, cells, colour) => {
  expect(rowOf(entry, IN_FULL)).toEqual([IN_FULL.time(entry.atMs), ...cells]);
  expect(colourOf(entry)).toBe(colour);
});

test('the apns-id is told where it is asked for', () => {
  expect(rowOf(pushEntryOf(), IN_FULL, true).at(-1)).toBe(`Apple took the push, ${DELAY}, apns-id an-id`);
});
