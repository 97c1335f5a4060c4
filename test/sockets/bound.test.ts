import { execFileSync } from 'node:child_process';
import { existsSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { isListenedOn } from '../../src/sockets/bound.ts';
import { temporaryFolder } from '../support/store.ts';

test('a socket that a process has is told from one that it has left', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'x.sock');
  const server = createServer();
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(path, resolve));
  symlinkSync(folder, join(folder, 'link'));
  expect([isListenedOn(path), isListenedOn(join(folder, 'link/x.sock'))]).toEqual([true, true]);

  const left = join(folder, 'left.sock');
  const leave = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  expect(() => execFileSync(process.execPath, ['-e', leave, left], { stdio: 'pipe' })).toThrow();
  expect([existsSync(left), isListenedOn(left)]).toEqual([true, false]);
});
