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
