import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { claimSpool, type SpooledEvents, type SpoolFolder, writeSpool } from '../../src/spool/spool.ts';
import { lookAtSpool } from '../../src/spool/state.ts';
import { processName } from '../../src/process/process-name.ts';
import { type CompiledProgram, compileProgram } from '../support/compiled.ts';
import { testWithMounts } from '../support/needs.ts';
import { mountSmallDisk } from '../support/small-disk.ts';
import { NOW_MS, temporaryFolder } from '../support/store.ts';

const DAY_MS = 86_400_000;

let program: CompiledProgram;

beforeAll(() => {
  program = compileProgram();
});
afterAll(() => {
  program.remove();
});

function newSpool(): string {
  return join(temporaryFolder(), 'spool');
}

function namesIn(spool: string, folder: SpoolFolder): string[] {
  const path = join(spool, folder);
  return existsSync(path) ? readdirSync(path).sort() : [];
}

function textOf(spooled: SpooledEvents): string {
  return Buffer.concat([...spooled.read()]).toString();
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

/** The first file that waits, claimed. */
function claimedFile(spool: string): SpooledEvents {
  for (const spooled of claimSpool(spool, Date.now())) return spooled;
  throw new Error('expected a file in the spool');
}

describe('writeSpool', () => {
  test('keeps every byte, for this user only', () => {
    const spool = newSpool();
    const umask = process.umask(0);
    try {
      const file = writeSpool(spool, Buffer.from([0, 10, 255, 123]), NOW_MS);
      expect(readFileSync(file)).toEqual(Buffer.from([0, 10, 255, 123]));
      expect(modeOf(file)).toBe('600');
      for (const folder of [spool, join(spool, 'tmp'), join(spool, 'new')])
        expect(modeOf(folder)).toBe('700');
    } finally {
      process.umask(umask);
    }
    expect(namesIn(spool, 'tmp')).toEqual([]);
    expect(namesIn(spool, 'new')).toEqual([
      expect.stringMatching(new RegExp(`^${NOW_MS}\\.[0-9a-f]{16}\\.json$`)),
    ]);
  });

  test('gives 500 files of one moment names that nobody can guess', () => {
    const spool = newSpool();
    for (let n = 0; n < 500; n += 1) writeSpool(spool, Buffer.from(`${n}`), NOW_MS);
    const names = namesIn(spool, 'new');
    expect(names).toHaveLength(500);
    const random = names.map((name) => name.split('.')[1] ?? '');
    // A counter or a clock would leave most of the 16 digits the same.
    for (let digit = 0; digit < 16; digit += 1)
      expect(new Set(random.map((text) => text[digit])).size).toBeGreaterThan(8);
    expect(lookAtSpool(spool).waiting).toBe(500);
  });

  test('leaves nothing in new/ where it fails', () => {
    const spool = newSpool();
    mkdirSync(spool);
    writeFileSync(join(spool, 'new'), 'in the way');
    expect(() => writeSpool(spool, Buffer.from('x'), NOW_MS)).toThrow(/EEXIST|ENOTDIR/);
  });
});

describe('claimSpool', () => {
  test('gives the files oldest first, each moved out of new/', () => {
    const spool = newSpool();
    for (const n of [3, 1, 2]) writeSpool(spool, Buffer.from(`event ${n}`), NOW_MS + n);
    const texts = [];
    for (const spooled of claimSpool(spool, Date.now())) {
      expect(spooled.file).toContain(join(spool, 'cur'));
      texts.push(textOf(spooled));
      spooled.done();
    }
    expect(texts).toEqual(['event 1', 'event 2', 'event 3']);
    for (const folder of ['tmp', 'new', 'cur', 'bad'] as const) expect(namesIn(spool, folder)).toEqual([]);
    expect(modeOf(join(spool, 'cur'))).toBe('700');
  });

  test('claims a file only when it is reached', () => {
    const spool = newSpool();
    for (const n of [1, 2, 3]) writeSpool(spool, Buffer.from(`event ${n}`), NOW_MS + n);
    const first = claimedFile(spool);
    expect(namesIn(spool, 'new')).toHaveLength(2);
    first.putBack();
    expect(namesIn(spool, 'new')).toHaveLength(3);
  });

  test('where there is no spool there is nothing', () => {
    const spool = newSpool();
    expect([...claimSpool(spool, NOW_MS)]).toEqual([]);
    expect(lookAtSpool(spool).waiting).toBe(0);
    expect(existsSync(spool)).toBe(false);
  });

  test('leaves half-written and hidden files alone', () => {
    const spool = newSpool();
    writeSpool(spool, Buffer.from('whole'), NOW_MS);
    writeFileSync(join(spool, 'tmp', `${NOW_MS}.half.json`), '{"event":');
    writeFileSync(join(spool, 'new', '.hidden'), 'x');
    const texts = [...claimSpool(spool, Date.now())].map(textOf);
    expect(texts).toEqual(['whole']);
    expect(namesIn(spool, 'tmp')).toHaveLength(1);
    expect(lookAtSpool(spool).waiting).toBe(0);
  });

  test('takes what a writer that died has left in tmp/', () => {
    const spool = newSpool();
    writeSpool(spool, Buffer.from('whole'), NOW_MS);
    writeFileSync(join(spool, 'tmp', 'left.json'), 'left');
    const minutesMs = 60_000;
    const textsAt = (nowMs: number): string[] => [...claimSpool(spool, nowMs)].map(textOf);
    expect(textsAt(Date.now() + 9 * minutesMs)).toEqual(['whole']);
    expect(textsAt(Date.now() + 11 * minutesMs)).toContain('left');
    expect(namesIn(spool, 'tmp')).toEqual([]);
  });

  test('leaves a draft to a writer that lives, whatever the clock says', async () => {
    const spool = newSpool();
    writeSpool(spool, Buffer.from('whole'), NOW_MS);
    const writer = spawn('sleep', ['60']);
    await once(writer, 'spawn');
    const drafts = [`script.json@${writer.pid}`, `node.json@${processName()}`];
    for (const name of drafts) writeFileSync(join(spool, 'tmp', name), 'half');
    const ahead = [...claimSpool(spool, Date.now() + 30 * DAY_MS)].map(textOf);
    const behind = [...claimSpool(spool, Date.now() - 30 * DAY_MS)].map(textOf);
    expect([...ahead, ...behind]).toEqual(['whole', 'whole']);
    expect(namesIn(spool, 'tmp')).toEqual(drafts.toSorted());
    writer.kill('SIGKILL');
    await once(writer, 'exit');
    expect([...claimSpool(spool, Date.now() + 30 * DAY_MS)].map(textOf)).toContain('half');
    expect(namesIn(spool, 'tmp')).toEqual(drafts.slice(1));
  });

  test('passes over a file that another reader took in the meantime', () => {
    const spool = newSpool();
    const files = [1, 2, 3].map((n) => writeSpool(spool, Buffer.from(`event ${n}`), NOW_MS + n));
    const reader = claimSpool(spool, Date.now());
    expect(textOf(reader.next().value as SpooledEvents)).toBe('event 1');
    rmSync(files[1] ?? '');
    expect(textOf(reader.next().value as SpooledEvents)).toBe('event 3');
    expect(reader.next().done).toBe(true);
  });

  test('gives every file to one of several processes', async () => {
    const spool = newSpool();
    const texts = Array.from({ length: 200 }, (_, n) => `event ${String(n).padStart(3, '0')}`);
    for (const text of texts) writeSpool(spool, Buffer.from(`${text}\n`), NOW_MS);
    const script = `
      import { claimSpool } from '@/spool/spool.js';
      const [spool, startMs] = process.argv.slice(1);
      while (Date.now() < Number(startMs));
      for (const spooled of claimSpool(spool, Date.now())) {
        process.stdout.write(Buffer.concat([...spooled.read()]));
        spooled.done();
      }`;
    const startMs = String(Date.now() + 300);
    const outputs = await Promise.all(Array.from({ length: 4 }, () => program.run(script, spool, startMs)));
    expect(outputs.flatMap((output) => output.split('\n').filter(Boolean)).sort()).toEqual(texts);
    expect(namesIn(spool, 'cur')).toEqual([]);
  });
});

describe('a claimed file', () => {
  test('is read in pieces, whatever its length', () => {
    const folder = temporaryFolder();
    fc.assert(
      fc.property(fc.constantFrom(0, 1, 65_535, 65_536, 65_537, 200_000), fc.nat(255), (bytes, byte) => {
        const spool = mkdtempSync(join(folder, 'spool-'));
        const raw = Buffer.alloc(bytes, byte);
        writeSpool(spool, raw, NOW_MS);
        expect(Buffer.concat([...claimedFile(spool).read()]).equals(raw)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  test('that can never be taken is set aside with the reason', () => {
    const spool = newSpool();
    writeSpool(spool, Buffer.from('bad'), NOW_MS);
    claimedFile(spool).setAside('not JSON');
    const [name, reason] = namesIn(spool, 'bad');
    expect(reason).toBe(`${String(name)}.reason`);
    expect(readFileSync(join(spool, 'bad', name ?? ''), 'utf8')).toBe('bad');
    expect(readFileSync(join(spool, 'bad', reason ?? ''), 'utf8')).toBe('not JSON\n');
    for (const each of [name, reason]) expect(modeOf(join(spool, 'bad', each ?? ''))).toBe('600');
    expect(modeOf(join(spool, 'bad'))).toBe('700');
    expect([...namesIn(spool, 'new'), ...namesIn(spool, 'cur')]).toEqual([]);
  });

  test('whose reader was killed after it kept a part apart is read again beside that part', () => {
    const spool = newSpool();
    writeSpool(spool, Buffer.from('taken\nwaits'), NOW_MS);
    const spooled = claimedFile(spool);
    spooled.keepApart(Buffer.from('waits'));
    expect(namesIn(spool, 'tmp')).toEqual([]);
    const nowMs = statSync(spooled.file).ctimeMs + 60_001;
    const left = [...claimSpool(spool, nowMs)];
    expect(left.map(textOf).sort()).toEqual(['taken\nwaits', 'waits']);
    expect(left.map(({ writtenMs }) => writtenMs)).toEqual([NOW_MS, NOW_MS]);
  });

  test('is set aside with a reason that holds no control or direction raw', () => {
    const spool = newSpool();
    writeSpool(spool, Buffer.from('bad'), NOW_MS);
    claimedFile(spool).setAside('unknown event \u001b[2J\u009b\u202e\u2028\nof é');
    const [, reason = ''] = namesIn(spool, 'bad');
    expect(readFileSync(join(spool, 'bad', reason), 'utf8')).toBe(
      'unknown event \\u001b[2J\\u009b\\u202e\\u2028\\u000aof é\n',
    );
  });

  test('that somebody else took back meanwhile is his', () => {
    for (const end of ['done', 'putBack', 'setAside'] as const) {
      const spool = newSpool();
      const file = writeSpool(spool, Buffer.from('x'), NOW_MS);
      const spooled = claimedFile(spool);
      renameSync(spooled.file, file);
      spooled[end]('reason');
      expect(lookAtSpool(spool).waiting).toBe(1);
    }
  });

  test('whose reader died is read again after a minute, and not before', () => {
    const spool = newSpool();
    writeSpool(spool, Buffer.from('abandoned'), NOW_MS);
    const { ctimeMs } = statSync(claimedFile(spool).file);
    expect([...claimSpool(spool, ctimeMs + 60_000)]).toEqual([]);
    expect([...claimSpool(spool, ctimeMs + 60_001)].map(textOf)).toEqual(['abandoned']);
  });

  test('whose reader was killed is read again at once, and under its own name', async () => {
    const spool = newSpool();
    const file = writeSpool(spool, Buffer.from('abandoned'), NOW_MS);
    const script = `
      import { claimSpool } from '@/spool/spool.js';
      const claimed = claimSpool(process.argv[1], Date.now()).next().value;
      process.stdout.write(claimed.file);
      if (process.argv[2] === 'die') process.kill(process.pid, 'SIGKILL');`;
    await program.run(script, spool, 'die').catch(() => undefined);
    expect(namesIn(spool, 'cur')).toHaveLength(1);
    expect([...claimSpool(spool, Date.now())].map(textOf)).toEqual(['abandoned']);
    renameSync(join(spool, 'cur', namesIn(spool, 'cur')[0] ?? ''), file);
    const spooled = claimedFile(spool);
    expect([...claimSpool(spool, Date.now())]).toEqual([]); // its reader lives
    expect(spooled.writtenMs).toBe(NOW_MS);
    spooled.putBack();
    expect(existsSync(file)).toBe(true);
  });

  test('that was claimed while the clock was ahead is read again', () => {
    const spool = newSpool();
    writeSpool(spool, Buffer.from('abandoned'), NOW_MS);
    const { ctimeMs } = statSync(claimedFile(spool).file);
    expect([...claimSpool(spool, ctimeMs - 60_001)].map(textOf)).toEqual(['abandoned']);
  });

  test('that is a link is not followed', () => {
    const spool = newSpool();
    const secret = join(temporaryFolder(), 'secret');
    writeFileSync(secret, 'somebody else’s');
    mkdirSync(join(spool, 'new'), { recursive: true });
    symlinkSync(secret, join(spool, 'new', '1.json'));
    const spooled = claimedFile(spool);
    expect(() => textOf(spooled)).toThrow(/ELOOP/);
    spooled.setAside('a link');
    expect(readFileSync(secret, 'utf8')).toBe('somebody else’s');
    expect(namesIn(spool, 'bad')).toEqual(['1.json', '1.json.reason']);
  });
});

testWithMounts('what a full disk does not keep leaves no draft behind', () => {
  const disk = mountSmallDisk(join(temporaryFolder(), 'disk'));
  onTestFinished(() => {
    disk.unmount();
  });
  const { path } = disk;
  expect(() => writeSpool(path, Buffer.alloc(100_000, 'x'), NOW_MS)).toThrow('ENOSPC');
  expect([namesIn(path, 'tmp'), namesIn(path, 'new')]).toEqual([[], []]);
  writeSpool(path, Buffer.from('{}'), NOW_MS);
  expect(lookAtSpool(path).waiting).toBe(1);
});
