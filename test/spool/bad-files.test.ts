import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { removeBadFiles } from '../../src/spool/bad-files.ts';
import { claimSpool, writeSpool } from '../../src/spool/spool.ts';
import { NOW_MS, temporaryFolder } from '../support/store.ts';

/** A spool with files in bad/ by name, each with how many bytes and how many seconds after NOW_MS it was written. */
function spoolWith(files: Record<string, [bytes: number, second: number]>): string {
  const spool = temporaryFolder();
  mkdirSync(join(spool, 'bad'));
  for (const [name, [bytes, second]] of Object.entries(files)) {
    const file = join(spool, 'bad', name);
    writeFileSync(file, 'x'.repeat(bytes));
    utimesSync(file, NOW_MS / 1000 + second, NOW_MS / 1000 + second);
  }
  return spool;
}

const remove = (spool: string, dryRun = false): ReturnType<typeof removeBadFiles> =>
  removeBadFiles(spool, { beforeMs: NOW_MS + 10_000, dryRun });

describe('bad files', () => {
  test('go by the time at which they were set aside, that of the reason, and with it', () => {
    const spool = spoolWith({
      old: [100, 0],
      'old.reason': [10, 1],
      waited: [100, 0], // as an event, long before it was set aside
      'waited.reason': [10, 20],
      new: [100, 20],
      'new.reason': [10, 20],
    });
    expect(remove(spool, true)).toEqual({ count: 1, bytes: 110 });
    expect(readdirSync(join(spool, 'bad'))).toHaveLength(6);
    expect(remove(spool)).toEqual({ count: 1, bytes: 110 });
    expect(readdirSync(join(spool, 'bad')).sort()).toEqual(['new', 'new.reason', 'waited', 'waited.reason']);
  });

  test('without a reason go by their own time, and a reason alone is no file', () => {
    const spool = spoolWith({ old: [5, 0], 'gone.reason': [7, 0], new: [5, 20] });
    expect(remove(spool)).toEqual({ count: 1, bytes: 12 });
    expect(readdirSync(join(spool, 'bad'))).toEqual(['new']);
  });

  test('may be folders', () => {
    const spool = spoolWith({});
    const folder = join(spool, 'bad', 'folder');
    mkdirSync(folder);
    writeFileSync(join(folder, 'x'), '');
    utimesSync(folder, 0, 0);
    expect(remove(spool).count).toBe(1);
    expect(existsSync(folder)).toBe(false);
  });

  test('that were set aside just now stay', () => {
    const spool = temporaryFolder();
    writeSpool(spool, Buffer.from('nonsense'), NOW_MS);
    const [claimed] = claimSpool(spool, Date.now());
    claimed?.setAside('not JSON');
    expect(remove(spool)).toEqual({ count: 0, bytes: 0 });
    expect(readdirSync(join(spool, 'bad'))).toHaveLength(2);
  });

  test('are none where there is no spool', () => {
    expect(remove(join(temporaryFolder(), 'none'))).toEqual({ count: 0, bytes: 0 });
  });
});
