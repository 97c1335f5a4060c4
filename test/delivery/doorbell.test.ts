import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openDoorbell } from '../../src/delivery/doorbell.ts';
import { doorbellOf, ring } from '../../src/delivery/ring.ts';
import { eventually } from '../support/command.ts';
import { EDITION } from '../support/control.ts';
import { temporaryFolder } from '../support/store.ts';

function controlPath(): string {
  return join(temporaryFolder(), 'control.sock');
}

/** A doorbell that counts how often it was heard, closed when the running test ends. */
async function opened(control = controlPath()): Promise<{
  control: string;
  heard: () => number;
  close: () => Promise<void>;
}> {
  let heard = 0;
  const doorbell = await openDoorbell(control, EDITION, () => (heard += 1));
  onTestFinished(() => doorbell.close());
  return { control, heard: () => heard, close: () => doorbell.close() };
}

function makeFifo(path: string): void {
  execFileSync('mkfifo', ['-m', '600', path]);
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

/** A process that reads the doorbell and does nothing else. */
async function readerProcess(control: string): Promise<ReturnType<typeof spawn>> {
  const script = `const fs = require('fs');
    fs.openSync(process.argv[1], fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
    console.log('open'); setInterval(() => 0, 1000);`;
  const reader = spawn(process.execPath, ['-e', script, doorbellOf(control, EDITION)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void reader.kill('SIGKILL'));
  for await (const line of createInterface(reader.stdout)) if (line === 'open') break;
  return reader;
}

describe('a ring', () => {
  test('is heard by whoever delivers, and a later one too', async () => {
    const { control, heard } = await opened();
    for (const times of [1, 2]) {
      expect(ring(control, EDITION)).toBe('rung');
      await eventually(heard, (count) => count === times);
    }
  });

  test('of many at once is heard', async () => {
    const { control, heard } = await opened();
    for (let n = 0; n < 1000; n += 1) expect(ring(control, EDITION)).toBe('rung');
    await eventually(heard, (count) => count > 0);
  });

  test('is heard by nobody where there is neither doorbell nor socket', () => {
    const control = controlPath();
    expect(ring(control, EDITION)).toBe('nobody');
    expect(ring(join(control, 'no', 'folder'), EDITION)).toBe('nobody');
    makeFifo(doorbellOf(control, EDITION));
    expect(ring(control, EDITION)).toBe('nobody');
  });

  test('is heard by nobody as soon as the doorbell is closed, however often it is opened', async () => {
    const control = controlPath();
    for (let n = 0; n < 20; n += 1) {
      const { close } = await opened(control);
      expect(ring(control, EDITION)).toBe('rung');
      await close();
      expect(ring(control, EDITION)).toBe('nobody');
    }
  });

  test('is heard by nobody once whoever read it was killed', async () => {
    const control = controlPath();
    makeFifo(doorbellOf(control, EDITION));
    const reader = await readerProcess(control);
    expect(ring(control, EDITION)).toBe('rung');
    reader.kill('SIGKILL');
    await once(reader, 'exit');
    expect(ring(control, EDITION)).toBe('nobody');
  });

  test('does not wait for somebody who has stopped, not even when the FIFO is full', async () => {
    const control = controlPath();
    makeFifo(doorbellOf(control, EDITION));
    const reader = await readerProcess(control);
    reader.kill('SIGSTOP');
    const fd = openSync(doorbellOf(control, EDITION), constants.O_WRONLY | constants.O_NONBLOCK);
    const fill = (): void => {
      for (;;) writeSync(fd, Buffer.alloc(4096));
    };
    expect(fill).toThrow('EAGAIN');
    expect(ring(control, EDITION)).toBe('rung');
    closeSync(fd);
  });

  test.each<[string, (path: string) => void]>([
    ['no doorbell', () => undefined],
    ['a doorbell that nobody reads', makeFifo],
    ['a file in its place', (path) => writeFileSync(path, 'a file')],
    ['a folder in its place', (path) => mkdirSync(path)],
    ['a link in its place', (path) => symlinkSync('/dev/null', path)],
    ['a FIFO that we may not write to', (path) => execFileSync('mkfifo', ['-m', '000', path])],
  ])('leaves it to the socket where there is one and %s', (_what, make) => {
    const control = controlPath();
    make(doorbellOf(control, EDITION));
    writeFileSync(control, '');
    expect(ring(control, EDITION)).toBe('ask the socket');
  });

  test('writes nothing into a file', () => {
    const control = controlPath();
    writeFileSync(doorbellOf(control, EDITION), 'a file');
    ring(control, EDITION);
    expect(readFileSync(doorbellOf(control, EDITION), 'utf8')).toBe('a file');
  });
});

describe('the doorbell', () => {
  test.each(['000', '077', '777'])('is for the same user only, under umask %s', async (mask) => {
    const before = process.umask(Number.parseInt(mask, 8));
    try {
      const { control } = await opened();
      expect(modeOf(doorbellOf(control, EDITION))).toBe('600');
    } finally {
      process.umask(before);
    }
  });

  test('stays when it is closed, and is used again', async () => {
    const { control, close } = await opened();
    const { ino } = statSync(doorbellOf(control, EDITION));
    await close();
    const { heard } = await opened(control);
    expect(statSync(doorbellOf(control, EDITION)).ino).toBe(ino);
    ring(control, EDITION);
    await eventually(heard, (count) => count === 1);
  });

  test('of another edition takes the name on, so that nobody rings there in vain', async () => {
    const { control, close } = await opened();
    await close();
    makeFifo(`${control}.doorbell`); // of a program that knew of no editions
    const doorbell = await openDoorbell(control, 'other.1', () => undefined);
    onTestFinished(() => doorbell.close());
    expect(readdirSync(join(control, '..'))).toEqual(['control.sock.doorbell.other.1']);
    expect(ring(control, EDITION)).toBe('nobody');
    expect(ring(control, 'other.1')).toBe('rung');
  });

  test('leaves alone what is none, and those of another control socket', async () => {
    const control = controlPath();
    const others = [`${control}.doorbell.note`, `${control}2.doorbell.${EDITION}`];
    writeFileSync(others[0]!, 'a file');
    makeFifo(others[1]!);
    await opened(control);
    expect(others.map(existsSync)).toEqual([true, true]);
  });

  test('knows nothing of rings that nobody heard', async () => {
    const control = controlPath();
    makeFifo(doorbellOf(control, EDITION));
    const reader = await readerProcess(control);
    ring(control, EDITION);
    reader.kill('SIGKILL');
    await once(reader, 'exit');
    const { heard } = await opened(control);
    ring(control, EDITION);
    await eventually(heard, (count) => count === 1);
  });

  test.each<[string, (path: string) => void]>([
    ['a file', (path) => writeFileSync(path, '')],
    ['a link', (path) => symlinkSync('/dev/null', path)],
    [
      'a FIFO that others may write to',
      (path) => {
        makeFifo(path);
        chmodSync(path, 0o622);
      },
    ],
  ])('takes the place of %s', async (_what, make) => {
    const control = controlPath();
    make(doorbellOf(control, EDITION));
    const { heard } = await opened(control);
    expect(modeOf(doorbellOf(control, EDITION))).toBe('600');
    expect(ring(control, EDITION)).toBe('rung');
    await eventually(heard, (count) => count === 1);
  });

  test('cannot be had where a folder lies in its place, which stays', async () => {
    const control = controlPath();
    mkdirSync(doorbellOf(control, EDITION));
    await expect(opened(control)).rejects.toThrow(/directory|EISDIR/);
    expect(existsSync(doorbellOf(control, EDITION))).toBe(true);
  });

  test('cannot be had where its folder is missing', async () => {
    await expect(opened(join(controlPath(), 'no', 'x.sock'))).rejects.toThrow(
      /ENOENT|No such file|mkfifo|Not a dir/,
    );
  });
});
