import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concernsDevice, type Entry, entryOf, isAbout, lineOf } from '../../src/history/entry.ts';
import { ENTRIES, eventEntry } from '../support/history.ts';

describe('lines', () => {
  test.each(ENTRIES)('$kind is read as it was written', (entry) => {
    expect(entryOf(lineOf(entry).trimEnd())).toEqual(entry);
  });

  test('whatever a mailbox is called, an entry is one line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (path) => {
        const entry = eventEntry({ mailboxes: [{ owner: path, path }] });
        const line = lineOf(entry);
        expect(line.indexOf('\n')).toBe(line.length - 1);
        expect(entryOf(line)).toEqual(entry);
      }),
    );
  });

  test.each(['', '{', 'null', '[]', '1', '"x"', '{"kind":"event"}', '{"kind":"other","atMs":1}'])(
    '%j is none',
    (line) => {
      expect(entryOf(line)).toBeUndefined();
    },
  );
});

test.each<[Entry, boolean]>([
  [eventEntry({ decision: 'push' }), true],
  [eventEntry({ decision: 'nobody' }), false],
  [eventEntry({ decision: 'ignored' }), false],
  [eventEntry({ decision: 'refused' }), false],
  ...ENTRIES.filter(({ kind }) => kind !== 'event').map((entry): [Entry, boolean] => [entry, true]),
])('%j concerns a device: %s', (entry, want) => {
  expect(concernsDevice(entry)).toBe(want);
});

test('an entry is about the owner of the mailbox or of the device, and trouble about everybody', () => {
  expect(ENTRIES.map((entry) => isAbout(entry, (user) => user === 'alice'))).toEqual(ENTRIES.map(() => true));
  expect(ENTRIES.filter((entry) => isAbout(entry, (user) => user === 'bob')).map(({ kind }) => kind)).toEqual(
    ['trouble'],
  );
});
