import { expect, test } from 'vitest';
import type { Entry } from '../../src/history/entry.ts';
import { colourOf, sentenceOf } from '../../src/history/sentence.ts';
import type { Colour } from '../../src/terminal/terminal.ts';
import { eventEntry, pushEntryOf, targetEntryOf } from '../support/history.ts';

const FACTS = 'MessageNew in INBOX, 0.3 s after the event, apns-id an-id';
const RETRY = pushEntryOf({ outcome: 'retry', reason: 'ServiceUnavailable', then: 'waits', nextMs: 0 });

test.each<[Entry, string, Colour | undefined]>([
  [eventEntry(), 'alice: MessageNew in INBOX: 1 device to be told', undefined],
  [
    eventEntry({ targets: 2, reason: '1 device failed' }),
    'alice: MessageNew in INBOX: 2 devices to be told; 1 device failed',
    undefined,
  ],
  [
    eventEntry({ decision: 'nobody', reason: 'no device asked', targets: 0 }),
    'alice: MessageNew in INBOX: nobody is told, no device asked',
    'dim',
  ],
  [
    eventEntry({ decision: 'ignored', reason: 'why', mailboxes: [] }),
    '-: MessageNew: nobody is told, why',
    'dim',
  ],
  [
    eventEntry({ decision: 'refused', event: 'input', reason: 'not JSON', mailboxes: [] }),
    '-: input: cannot be taken, not JSON',
    'dim',
  ],
  [
    eventEntry({ mailboxes: ['a', ''].map((owner) => ({ owner, path: 'P' })) }),
    'a, nobody: MessageNew in P, P: 1 device to be told',
    undefined,
  ],
  [targetEntryOf(), 'alice: device 80aa34cb…4f3a: registered', undefined],
  [
    targetEntryOf({ change: 'push given up', reason: 'never tried' }),
    'alice: device 80aa34cb…4f3a: push given up (never tried)',
    undefined,
  ],
  [pushEntryOf(), `alice: device 80aa34cb…4f3a: Apple took the push (${FACTS})`, 'green'],
  [
    { ...RETRY, attempt: 2 },
    'alice: device 80aa34cb…4f3a: not delivered: ServiceUnavailable; tried again at 1970-01-01T00:00:00Z at the latest' +
      ' (MessageNew in INBOX, 0.3 s after the event, attempt 2, apns-id an-id)',
    'yellow',
  ],
  [
    pushEntryOf({ outcome: 'gone', reason: 'Unregistered', then: 'target removed' }),
    `alice: device 80aa34cb…4f3a: Apple knows the device no more: Unregistered; the device is removed (${FACTS})`,
    'red',
  ],
  [
    pushEntryOf({ outcome: 'rejected', reason: 'Forbidden', then: 'target disabled' }),
    `alice: device 80aa34cb…4f3a: Apple refused the push: Forbidden; no more pushes until the device registers again (${FACTS})`,
    'red',
  ],
  [
    pushEntryOf({ outcome: 'misconfigured', reason: 'BadTopic', then: 'given up' }),
    `alice: device 80aa34cb…4f3a: our set-up is wrong: BadTopic; the push is given up (${FACTS})`,
    'red',
  ],
  [
    { kind: 'trouble', atMs: 0, reason: 'no certificate' },
    'everybody: nothing can be sent, every push is kept: no certificate',
    'red',
  ],
])('%j', (entry, text, colour) => {
  expect(sentenceOf(entry)).toBe(text);
  expect(colourOf(entry)).toBe(colour);
});

test('what would paint the screen is shown as what it is', () => {
  const hostile = eventEntry({ mailboxes: [{ owner: 'a\u001b[2J', path: 'b\nc' }] });
  expect(sentenceOf(hostile)).toContain('a\\u001b[2J: MessageNew in b\\u000ac');
});
