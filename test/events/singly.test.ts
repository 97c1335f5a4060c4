import { describe, expect, test } from 'vitest';
import { MAX_EVENTS_PER_LINE, parseEvent } from '../../src/events/parse.ts';
import { type ReadItem, readEvents } from '../../src/events/read.ts';
import { singly } from '../../src/events/singly.ts';
import { DEFAULT_NAMESPACE } from '../../src/mailboxes/cyrus-namespace.ts';

const read = (text: string): ReadItem[] => [...readEvents([Buffer.from(text)])];
const itemsOf = (text: string): ReadItem[] => [...singly(read(text))];

test('each event of a list is an item of its own, with bytes that say the same', () => {
  const items = itemsOf('{"a":1}\n[ {"b": "\\ud800\u00e9"},\t7, null ]\n[{"c":[1]}]\n');
  expect(items.map(({ raw }) => raw.toString())).toEqual([
    '{"a":1}',
    '{"b":"\\ud800é"}',
    '7',
    'null',
    '{"c":[1]}',
  ]);
  for (const item of items) expect(read(item.raw.toString())).toEqual([item]);
});

describe('stays one item:', () => {
  const deep = 100_000;
  test.each([
    ['what is bad', '[1'],
    ['an empty list', '[]'],
    ['a list of too many', `[${'1,'.repeat(MAX_EVENTS_PER_LINE)}1]`],
    ['a list with a list in it', '[{"a":1},[{"b":2}]]'],
    ['what is nested too deeply', `[{"a":1},{"b":${'{"a":'.repeat(deep)}1${'}'.repeat(deep)}}]`],
  ])('%s', (_, text) => {
    const items = itemsOf(text);
    expect(items).toHaveLength(1);
    expect(items[0]?.raw.toString()).toBe(text);
  });
});

test('gives the events that the list gives', () => {
  const uri = 'imap://mail.example.org/user/alice';
  const text = JSON.stringify([{ event: 'MessageNew', uri }, 1, { name: 'MessageNew' }, null]);
  const parse = (items: ReadItem[]): unknown[] =>
    items.flatMap((item) => ('value' in item ? parseEvent(item.value, () => DEFAULT_NAMESPACE) : []));
  expect(parse(itemsOf(text))).toEqual(parse(read(text)));
});

const parsed = (items: ReadItem[]): unknown[] =>
  items.flatMap((item) => ('value' in item ? parseEvent(item.value, () => DEFAULT_NAMESPACE) : []));
const flags = ['\\Seen'];
const TRANSACTION = {
  dovecot: 1,
  user: 'alice',
  events: [
    { name: 'MessageNew', mailbox: 'INBOX' },
    { name: 'FlagsClear', mailbox: 'INBOX', flags },
    { name: 'MessageNew', mailbox: 'INBOX' }, // one command on many messages
    { name: 'Unknown', mailbox: 'INBOX' },
  ],
};
const NOTIFICATION = {
  Username: 'bob',
  Mailbox: 'INBOX',
  Events: ['MessageNew', 'FlagsClear', 'MessageNew'],
};

test.each([
  ['a transaction of Dovecot', TRANSACTION, 3],
  ['a notification of the XAPS plugin', NOTIFICATION, 2],
  ['both in a list', [NOTIFICATION, TRANSACTION, { name: 'MessageNew' }], 6],
])('%s is an item for each change, with bytes that say the same', (_, value, count) => {
  const text = JSON.stringify(value);
  const items = itemsOf(text);
  expect(items).toHaveLength(count);
  expect(parsed(items)).toEqual(parsed(read(text)));
  for (const item of items) expect(read(item.raw.toString())).toEqual([item]);
});

describe('stays whole:', () => {
  test.each<[string, unknown]>([
    ['a transaction of one change', { ...TRANSACTION, events: TRANSACTION.events.slice(0, 1) }],
    ['one with an event that is bad', { ...TRANSACTION, events: [...TRANSACTION.events, { name: 7 }] }],
    ['one of another version', { ...TRANSACTION, dovecot: 2 }],
    [
      'one of too many changes',
      {
        ...TRANSACTION,
        events: Array.from({ length: MAX_EVENTS_PER_LINE + 1 }, (_, n) => ({
          name: 'MessageNew',
          mailbox: `m${n}`,
        })),
      },
    ],
    ['a notification with something else in it', { ...NOTIFICATION, Events: ['MessageNew', 7] }],
    ['an event of the OX driver', { user: 'alice', event: 'messageNew', folder: 'INBOX' }],
  ])('%s', (_, value) => {
    const text = JSON.stringify(value);
    expect(itemsOf(text).map(({ raw }) => raw.toString())).toEqual([text]);
  });
});
