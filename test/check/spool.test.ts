import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkSpool } from '../../src/check/spool.ts';
import { NOW_MS, temporaryFolder } from '../support/store.ts';

/** A spool with a file that was written so long ago, where one waits, and with a bad one. */
function spoolWith({ waitingMs, bad = false }: { waitingMs?: number; bad?: boolean }): string {
  const spool = temporaryFolder();
  for (const folder of ['new', 'bad']) mkdirSync(join(spool, folder));
  const file = join(spool, 'new', '1.json');
  if (waitingMs !== undefined) {
    writeFileSync(file, '{}');
    utimesSync(file, (NOW_MS - waitingMs) / 1000, (NOW_MS - waitingMs) / 1000);
  }
  if (bad) for (const name of ['1.json', '1.json.reason']) writeFileSync(join(spool, 'bad', name), '');
  return spool;
}

const MINUTE_MS = 60_000;

describe('the spool of a host that shares its store', () => {
  test.each([
    ['nothing', {}, 'ok', /^empty$/],
    ['a file that came a moment ago', { waitingMs: 1000 }, 'ok', /^1 file waits for serve$/],
    [
      'a file that has waited for a minute',
      { waitingMs: MINUTE_MS },
      'warning',
      /^1 file waits for serve, since/,
    ],
    [
      'a bad file beside one that came a moment ago',
      { waitingMs: 1000, bad: true },
      'warning',
      /not be understood/,
    ],
  ] as const)('%s', (_, content, state, text) => {
    expect(checkSpool(spoolWith(content), { isShared: true, nowMs: NOW_MS })).toMatchObject({
      state,
      text: expect.stringMatching(text) as string,
    });
  });
});

test('what lies in that of one host could not be taken when it came', () => {
  const point = checkSpool(spoolWith({ waitingMs: 1000 }), { isShared: false, nowMs: NOW_MS });
  expect(point).toMatchObject({ state: 'warning', fix: 'xapplepush flush' });
});
