import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { drainSpool, type SpoolReport } from '../../src/intake/drain-spool.ts';
import { claimSpool, MAX_BAD_FILES, type SpooledEvents } from '../../src/spool/spool.ts';
import { MAX_SPOOL_FILE_BYTES } from '../../src/spool/file.ts';
import type { Intake, Taken } from '../../src/intake/intake.ts';
import { createTestClock } from '../support/clock.ts';
import { describeAsRoot, testAsRoot } from '../support/needs.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { temporaryFolder } from '../support/store.ts';

const NOBODY = 65_534;

let spool: string;
let taken: unknown[];
let log: ReturnType<typeof recordedLog>;

beforeEach(() => {
  spool = join(temporaryFolder(), 'spool');
  for (const folder of ['tmp', 'new', 'cur', 'bad'])
    mkdirSync(join(spool, folder), { recursive: true, mode: 0o700 });
  taken = [];
  // With a file, what a person is told on standard error is in it as well.
  log = { ...recordedLog(), file: 'log' };
});

const intake: Intake = (item) => {
  taken.push('value' in item ? item.value : item.bad);
  const bad = 'value' in item ? undefined : item.bad;
  return Promise.resolve({ targetIds: [], bad } as Partial<Taken> as Taken);
};

function drain(nowMs = Date.now()): Promise<SpoolReport> {
  return drainSpool(spool, intake, createTestClock(nowMs), { log });
}

/** A file in new/ as another writer leaves it, written at that second. */
function arrives(name: string, text: string, writtenS = 1_700_000_000): string {
  const file = join(spool, 'new', name);
  writeFileSync(file, text);
  utimesSync(file, writtenS, writtenS);
  return file;
}

function namesIn(folder: string): string[] {
  return readdirSync(join(spool, folder)).sort();
}

function reasonOf(name: string): string {
  return readFileSync(join(spool, 'bad', `${name}.reason`), 'utf8');
}

function claim(nowMs = Date.now()): SpooledEvents[] {
  return [...claimSpool(spool, nowMs)];
}

describe('the order', () => {
  test('is that of the last write, whatever the names', async () => {
    arrives('1700000009000.aaaa.json', '1', 1_700_000_001);
    arrives('1700000001.ffff.json', '2', 1_700_000_002);
    arrives('0b0b-uuid.json', '4', 1_700_000_004);
    arrives('zzz', '3', 1_700_000_003);
    await drain();
    expect(taken).toEqual([1, 2, 3, 4]);
  });

  test('within one moment is that of the names', async () => {
    for (const name of ['c', 'a', 'b']) arrives(name, JSON.stringify(name));
    await drain();
    expect(taken).toEqual(['a', 'b', 'c']);
  });
});

describe('what is no plain file is set aside at once, and the others are read', () => {
  const things: [what: string, make: (path: string) => void, reason: string][] = [
    ['a link to a file', (path) => symlinkSync('/etc/passwd', path), 'a symbolic link (ELOOP)'],
    ['a link to a device', (path) => symlinkSync('/dev/zero', path), 'a symbolic link (ELOOP)'],
    ['a link to nothing', (path) => symlinkSync('/nonexistent', path), 'a symbolic link (ELOOP)'],
    ['a link to itself', (path) => symlinkSync(path, path), 'a symbolic link (ELOOP)'],
    ['a folder', (path) => mkdirSync(join(path, 'full'), { recursive: true }), 'a folder (EISDIR)'],
    ['a FIFO', (path) => execFileSync('mkfifo', [path]), 'a FIFO'],
  ];
  test.each(things)('%s', async (_what, make, reason) => {
    make(join(spool, 'new', 'thing'));
    arrives('event', '1');
    expect(await drain()).toEqual({ taken: 1, bad: 1, stuck: false });
    expect(taken).toEqual([1]);
    expect(namesIn('bad')).toEqual(['thing', 'thing.reason']);
    expect(reasonOf('thing')).toBe(`${reason}, expected a plain file\n`);
    expect(log.entries).toEqual([
      {
        level: 'error',
        message: 'spool: a file is set aside',
        fields: { file: join(spool, 'bad', 'thing'), reason: `${reason}, expected a plain file` },
      },
    ]);
    expect([...namesIn('new'), ...namesIn('cur')]).toEqual([]);
    expect(await drain()).toEqual({ taken: 0, bad: 0, stuck: false });
  });

  test('a socket', async () => {
    const server = createServer().listen(join(spool, 'new', 'thing'));
    await new Promise((resolve) => server.once('listening', resolve));
    onTestFinished(() => void server.close());
    expect(await drain()).toEqual({ taken: 0, bad: 1, stuck: false });
    expect(reasonOf('thing')).toBe('a socket, expected a plain file\n');
  });

  testAsRoot('a device', async () => {
    execFileSync('mknod', [join(spool, 'new', 'thing'), 'c', '1', '5']); // /dev/zero has no end
    expect(await drain()).toEqual({ taken: 0, bad: 1, stuck: false });
    expect(reasonOf('thing')).toBe('a device, expected a plain file\n');
  });
});

describe('the size', () => {
  test('up to the limit is taken', async () => {
    const line = `"${'x'.repeat(1_000_000)}"\n`;
    const count = Math.floor(MAX_SPOOL_FILE_BYTES / line.length);
    arrives('event', line.repeat(count));
    expect(await drain()).toEqual({ taken: 1, bad: 0, stuck: false });
    expect(taken).toHaveLength(count);
  });

  test('beyond it is set aside, and nothing of it is taken', async () => {
    truncateSync(arrives('huge', '1\n'), MAX_SPOOL_FILE_BYTES + 1);
    arrives('event', '1');
    expect(await drain()).toEqual({ taken: 1, bad: 1, stuck: false });
    expect(taken).toEqual([1]);
    expect(reasonOf('huge')).toBe(`longer than ${MAX_SPOOL_FILE_BYTES} bytes\n`);
  });

  test('of a file that grows while it is read is limited, too', () => {
    arrives('event', 'x');
    const [spooled] = claim();
    const reading = spooled?.read();
    expect(reading?.next().value).toEqual(Buffer.from('x'));
    truncateSync(spooled?.file ?? '', 2 * MAX_SPOOL_FILE_BYTES);
    expect(() => {
      while (reading?.next().done === false);
    }).toThrow(/longer than/);
  });
});

describe('what is set aside', () => {
  test('keeps both files of one name', async () => {
    for (const text of ['bad 1', 'bad 2']) {
      arrives('event', text);
      await drain();
    }
    const names = namesIn('bad').filter((name) => !name.endsWith('.reason'));
    expect(names).toHaveLength(2);
    expect(names.map((name) => readFileSync(join(spool, 'bad', name), 'utf8')).sort()).toEqual([
      'bad 1',
      'bad 2',
    ]);
    for (const name of names) expect(reasonOf(name)).toMatch(/^not JSON/);
  });

  test('is bounded: the oldest goes with its reason', async () => {
    for (let n = 0; n < MAX_BAD_FILES; n += 1) {
      const file = join(spool, 'bad', `old${n}`);
      for (const name of [file, `${file}.reason`]) writeFileSync(name, '');
      utimesSync(file, n, n);
    }
    arrives('newest', 'bad');
    await drain();
    const names = namesIn('bad').filter((name) => !name.endsWith('.reason'));
    expect(names).toHaveLength(MAX_BAD_FILES);
    expect(names).toContain('newest');
    expect(names).toContain('old1');
    expect(namesIn('bad').filter((name) => /^old0(\.|$)/.test(name))).toEqual([]);
  });

  test('does not write its reason through a link that was set aside before', async () => {
    const outside = join(temporaryFolder(), 'outside');
    symlinkSync(outside, join(spool, 'new', 'event.reason'));
    await drain();
    arrives('event', 'bad');
    await drain();
    expect(existsSync(outside)).toBe(false);
    expect(namesIn('bad')).toHaveLength(4);
  });

  test('may have had a name of any length', async () => {
    arrives('n'.repeat(255), 'bad');
    arrives('ä'.repeat(127), 'bad');
    expect(await drain()).toEqual({ taken: 0, bad: 2, stuck: false });
    expect(namesIn('bad')).toHaveLength(4);
  });
});

describe('a claimed file', () => {
  test('stays claimed as long as it is read', async () => {
    arrives('event', 'x'.repeat(200_000));
    const [spooled] = claim();
    const before = statSync(spooled?.file ?? '');
    const reading = spooled?.read();
    reading?.next();
    await sleep(20); // longer than a tick of the file system's clock
    reading?.next();
    const after = statSync(spooled?.file ?? '');
    expect(after.ctimeMs).toBeGreaterThan(before.ctimeMs);
    expect(after.mtimeMs).toBe(before.mtimeMs);
    expect(claim(before.ctimeMs + 60_001)).toEqual([]);
  });

  test('that is a dangling link goes back to new/ as well when its reader died', () => {
    symlinkSync('/nonexistent', join(spool, 'new', 'link'));
    expect(claim()).toHaveLength(1);
    expect(claim()).toHaveLength(0);
    expect(claim(Date.now() + 61_000)).toHaveLength(1);
  });

  test('that vanished is no error', () => {
    arrives('event', '1');
    const [spooled] = claim();
    spooled?.done();
    expect([...(spooled?.read() ?? [])]).toEqual([]);
  });
});

describe('half-written files', () => {
  test('are left to their writer', async () => {
    mkdirSync(join(spool, 'tmp', 'folder'));
    writeFileSync(join(spool, 'tmp', 'draft'), '{"half');
    expect(await drain()).toEqual({ taken: 0, bad: 0, stuck: false });
    expect(namesIn('tmp')).toEqual(['draft', 'folder']);
  });

  test('are set aside when their writer must have died; a whole one is taken', async () => {
    writeFileSync(join(spool, 'tmp', 'half'), '{"half');
    writeFileSync(join(spool, 'tmp', 'whole'), '{"whole":1}\n');
    expect(await drain(Date.now() + 11 * 60_000)).toEqual({ taken: 1, bad: 1, stuck: false });
    expect(taken).toContainEqual({ whole: 1 });
    expect(reasonOf('half')).toMatch(/^not JSON/);
    expect(namesIn('tmp')).toEqual([]);
  });
});

describeAsRoot('another owner', () => {
  beforeEach(() => {
    for (const path of [spool, ...readdirSync(spool).map((folder) => join(spool, folder))])
      chownSync(path, NOBODY, NOBODY);
  });

  /** Drains as a user who is not root. */
  const drainAsNobody = async (): Promise<SpoolReport> => {
    process.seteuid?.(NOBODY);
    try {
      return await drain();
    } finally {
      process.seteuid?.(0);
    }
  };

  test('a file that may not be read is set aside, with one line about it, and the others are read', async () => {
    chmodSync(arrives('a', '1'), 0o600);
    arrives('b', '2');
    expect(await drainAsNobody()).toEqual({ taken: 1, bad: 1, stuck: false });
    expect(taken).toEqual([2]);
    expect(reasonOf('a')).toMatch(/^cannot be read: EACCES/);
    expect(log.entries).toHaveLength(1);
    expect(await drainAsNobody()).toEqual({ taken: 0, bad: 0, stuck: false });
    expect(log.entries).toHaveLength(1);
  });

  test('a file that may only be read is taken', async () => {
    chmodSync(arrives('a', '1\n'.repeat(100_000)), 0o644);
    expect(await drainAsNobody()).toEqual({ taken: 1, bad: 0, stuck: false });
    expect(taken).toHaveLength(100_000);
  });

  test('files that may not be moved stay, with one error about all of them, and the others are read', async () => {
    const folder = join(spool, 'new');
    chownSync(folder, 0, 0);
    chmodSync(folder, 0o1777);
    for (const name of ['a', 'b']) arrives(name, '1');
    chownSync(arrives('c', '2'), NOBODY, NOBODY);
    const { trouble, ...report } = await drainAsNobody();
    expect(report).toEqual({ taken: 1, bad: 0, stuck: true });
    expect(taken).toEqual([2]);
    expect(namesIn('new')).toEqual(['a', 'b']);
    expect(trouble?.message).toMatch(/^cannot take 2 of the files in \S+ \(EPERM: .*new\/a'/);
  });

  test('a tmp/ that may not be looked at is told, and the files of new/ are read', async () => {
    chownSync(arrives('a', '1'), NOBODY, NOBODY);
    chownSync(join(spool, 'tmp'), 0, 0);
    const { trouble, ...report } = await drainAsNobody();
    expect(report).toEqual({ taken: 1, bad: 0, stuck: true });
    expect(trouble?.message).toMatch(/^cannot take 1 of the files in \S+ \(EACCES: .*tmp'/);
  });

  test('a spool that may not be read is told, and is no crash', async () => {
    chownSync(spool, 0, 0);
    arrives('a', '1');
    const { trouble, ...report } = await drainAsNobody();
    expect(report).toEqual({ taken: 0, bad: 0, stuck: true });
    expect(namesIn('new')).toEqual(['a']);
    expect(trouble?.message).toMatch(/^cannot read spool \S+ \(EACCES/);
  });
});
