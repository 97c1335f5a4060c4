import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { testAsRoot } from '../support/needs.ts';
import { temporaryFolder } from '../support/store.ts';
import { notify, said, testDoor } from '../support/cyrus-door.ts';

/** nobody, whoever runs the tests. */
const OTHER_USER = 65_534;

describe('the socket', () => {
  const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);
  const refused = (message: RegExp, exitCode = 75): unknown =>
    expect.objectContaining({ exitCode, message: expect.stringMatching(message) as string }) as unknown;

  test('is for the owner and the group, whatever the umask', async () => {
    const umask = process.umask(0o077);
    try {
      expect(modeOf((await testDoor()).path)).toBe('660');
      expect(modeOf((await testDoor({ mode: 0o666 })).path)).toBe('666');
    } finally {
      process.umask(umask);
    }
  });

  test('takes the place of one that a dead process left', async () => {
    const path = join(temporaryFolder(), 'cyrus.sock');
    const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    await once(spawn(process.execPath, ['-e', script, path]), 'exit');
    expect(statSync(path).isSocket()).toBe(true);
    await testDoor({ path });
    expect(await said(path, notify('{}'))).toBe('OK NIL\r\n');
  });

  testAsRoot('leaves one alone on which another user listens', async () => {
    const { path, events } = await testDoor();
    chownSync(path, OTHER_USER, OTHER_USER);
    await expect(testDoor({ path })).rejects.toEqual(refused(/cyrus\.sock: user 65534 listens there/));
    expect(await said(path, notify('{}'))).toBe('OK NIL\r\n');
    expect(events).toHaveLength(1);
  });

  test('leaves a file alone', async () => {
    const path = join(temporaryFolder(), 'file');
    writeFileSync(path, 'precious');
    await expect(testDoor({ path })).rejects.toEqual(refused(/something else than a socket/));
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });

  test.each<[string, (folder: string) => string, RegExp, number?]>([
    ['in a folder that is not there', (inside) => join(inside, 'no', 'cyrus.sock'), /ENOENT|EACCES/],
    ['below a file', () => '/dev/null/cyrus.sock', /ENOTDIR/],
    ['with a path that is too long', (inside) => join(inside, 'x'.repeat(108)), /107 at most/, 78],
  ])('cannot be %s', async (_where, pathIn, why, exitCode) => {
    const path = pathIn(temporaryFolder());
    await expect(testDoor({ path })).rejects.toEqual(refused(why, exitCode));
    await expect(testDoor({ path })).rejects.toThrow(path);
  });

  test('may have a path of 107 bytes', async () => {
    const inside = temporaryFolder();
    const path = join(inside, 'x'.repeat(107 - inside.length - 1));
    await testDoor({ path });
    expect(await said(path, notify('{}'))).toBe('OK NIL\r\n');
  });
});
