import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const source = new URL('../../src/', import.meta.url);
let folder: string;

/** The reader runs in a process of its own, since it reads file descriptor 0: here it is, in JavaScript. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'xapplepush-stdin-'));
  for (const room of ['events', 'process']) mkdirSync(join(folder, room));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  for (const name of ['process/errors', 'events/read']) {
    const compilerOptions = { target: ts.ScriptTarget.ES2022, rewriteRelativeImportExtensions: true };
    const { outputText } = ts.transpileModule(readFileSync(new URL(`${name}.ts`, source), 'utf8'), {
      compilerOptions,
    });
    writeFileSync(join(folder, `${name}.js`), outputText);
  }
  writeFileSync(
    join(folder, 'count.js'),
    `import { readStandardInput } from './events/read.js';
    console.log('ready');
    let bytes = 0;
    try {
      for (const chunk of readStandardInput()) bytes += chunk.length;
      console.log(bytes);
    } catch (error) {
      console.log(error.exitCode, error.message);
    }`,
  );
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Starts the counting process with this file descriptor as its standard input, exactly as it is. */
function startCounting(fd: number | 'pipe'): ReturnType<typeof spawn> {
  // libuv makes what it hands over as descriptor 0 blocking, so it goes through descriptor 3 and a shell.
  const args = ['-c', 'exec "$0" "$1" <&3', process.execPath, join(folder, 'count.js')];
  return spawn('/bin/sh', args, { stdio: ['ignore', 'pipe', 'inherit', fd] });
}

describe('readStandardInput', () => {
  it.each([0, 1, 200_000])('reads %i bytes to the end', async (bytes) => {
    const file = join(folder, 'input');
    writeFileSync(file, Buffer.alloc(bytes));
    const fd = openSync(file, 'r');
    const child = startCounting(fd);
    closeSync(fd);
    expect(await text(child.stdout!)).toBe(`ready\n${bytes}\n`);
  });

  it('waits for a pipe that does not block', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(pipe, 'w');
    const child = startCounting(reader);
    closeSync(reader);
    child.stdout!.once('data', () => {
      // Long enough for the process to find the pipe empty; it must not matter if it does not.
      void sleep(50).then(() => {
        writeFileSync(writer, 'x'.repeat(1000));
        closeSync(writer);
      });
    });
    expect(await text(child.stdout!)).toContain('1000\n');
  });

  it('says why it cannot read', async () => {
    const fd = openSync(folder, 'r');
    const child = startCounting(fd);
    closeSync(fd);
    expect(await text(child.stdout!)).toMatch(/^ready\n65 cannot read standard input: EISDIR/);
  });
});
