import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { claimSpool, writeSpool } from '../../src/spool/spool.ts';
import { lookAtSpool } from '../../src/spool/state.ts';
import { NOW_MS, temporaryFolder } from '../support/store.ts';

const EMPTY = { waiting: 0, oldestMs: undefined, bad: 0, newestBad: undefined };

test('a spool that is not there is empty', () => {
  expect(lookAtSpool(join(temporaryFolder(), 'none'))).toEqual(EMPTY);
});

test('the oldest file, and what was set aside last, with the reason', () => {
  const spool = temporaryFolder();
  for (const name of ['first', 'second']) {
    writeSpool(spool, Buffer.from(name), NOW_MS);
    for (const file of claimSpool(spool, Date.now())) file.setAside(`reason of the ${name}`);
  }
  for (const ms of [3000, 1000, 2000]) writeSpool(spool, Buffer.from('event'), NOW_MS + ms);
  const bad = lookAtSpool(spool).newestBad;
  utimesSync(`${bad!.file}.reason`, 1, 1);
  const [state, other] = [lookAtSpool(spool), lookAtSpool(spool).newestBad];
  expect(state).toMatchObject({ waiting: 3, oldestMs: NOW_MS + 1000, bad: 2 });
  expect(other?.file).not.toBe(bad?.file);
  expect([bad?.reason, other?.reason].sort()).toEqual(['reason of the first', 'reason of the second']);
});

test('a reason is no way to another file, and no longer than a line', () => {
  const spool = temporaryFolder();
  mkdirSync(join(spool, 'bad'));
  writeFileSync(join(spool, 'secret'), 'secret');
  symlinkSync(join(spool, 'secret'), join(spool, 'bad', '1.json.reason'));
  expect(lookAtSpool(spool).newestBad).toEqual({ file: join(spool, 'bad', '1.json'), reason: '' });
  writeFileSync(join(spool, 'bad', '2.json.reason'), 'x'.repeat(10_000));
  expect(lookAtSpool(spool).newestBad?.reason).toHaveLength(500);
});

test('what may not be looked at is told', () => {
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, '');
  expect(() => lookAtSpool(file)).toThrow('ENOTDIR');
});
