import { expect, test } from 'vitest';
import { StoreError } from '../../src/store/errors.ts';
import { watchStoreTrouble } from '../../src/serve/store-trouble.ts';
import { recordedLog } from '../support/recorded-log.ts';

const TEN_MINUTES_MS = 600_000;

function watched() {
  const clock = { atMs: 0, steadyMs: () => clock.atMs };
  return { clock, log: recordedLog(), trouble: watchStoreTrouble(clock) };
}

const broken = (what: string): StoreError => new StoreError(what, { hint: 'put it right', cause: undefined });

test('the same is told once, and again each ten minutes', () => {
  const { clock, log, trouble } = watched();
  for (clock.atMs = 0; clock.atMs <= 2 * TEN_MINUTES_MS; clock.atMs += 1000)
    trouble.note(broken('it is locked'), log);
  expect(log.entries).toHaveLength(3);
  expect(log.entries[0]?.fields).toEqual({ reason: 'it is locked', hint: 'put it right' });
});

test('another is told at once', () => {
  const { log, trouble } = watched();
  for (const what of ['it is locked', 'the disk is full', 'the disk is full'])
    trouble.note(broken(what), log);
  expect(log.entries.map(({ fields }) => fields['reason'])).toEqual(['it is locked', 'the disk is full']);
});

test('the text says what is wrong and what to do, until it is over', () => {
  const { log, trouble } = watched();
  expect(trouble.text()).toBeUndefined();
  trouble.note(broken('it is locked'), log);
  expect(trouble.text()).toBe(
    'events wait in the spool, and no push is sent: it is locked; fix: put it right',
  );
  trouble.clear();
  expect(trouble.text()).toBeUndefined();
  trouble.note(broken('it is locked'), log);
  expect(log.entries).toHaveLength(2);
});
