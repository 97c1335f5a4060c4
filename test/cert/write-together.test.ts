import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeTogether } from '../../src/cert/write-together.ts';
import { ExitCode, OperatorError } from '../../src/process/errors.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'xapplepush-write-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

const isRoot = process.geteuid?.() === 0;

function write(replace: boolean): void {
  const files = [
    { path: join(dir, 'key'), content: 'new key', mode: 0o600 },
    { path: join(dir, 'pem'), content: 'new pem', mode: 0o644 },
  ];
  writeTogether(files, { owner: statSync(dir), replace });
}

function error(replace: boolean): OperatorError {
  try {
    write(replace);
  } catch (thrown) {
    if (thrown instanceof OperatorError) return thrown;
    throw thrown;
  }
  throw new Error('it was written');
}

/** The names in the folder with their contents. */
function contents(): Record<string, string> {
  return Object.fromEntries(readdirSync(dir).map((name) => [name, readFileSync(join(dir, name), 'utf8')]));
}

describe.each([true, false])('into a folder where nothing is, replace: %j', (replace) => {
  test('both files and nothing else, with their modes whatever the umask', () => {
    const umask = process.umask(0o077);
    try {
      write(replace);
    } finally {
      process.umask(umask);
    }
    expect(contents()).toEqual({ key: 'new key', pem: 'new pem' });
    expect(['key', 'pem'].map((name) => statSync(join(dir, name)).mode & 0o7777)).toEqual([0o600, 0o644]);
  });

  test("root's files belong to the owner of the folder", () => {
    const [uid, gid] = isRoot ? [4711, 4712] : [process.geteuid?.(), process.getegid?.()];
    if (isRoot) chownSync(dir, 4711, 4712);
    write(replace);
    expect(statSync(join(dir, 'key'))).toMatchObject({ uid, gid });
  });
});

describe('where a file is already', () => {
  beforeEach(() => {
    writeFileSync(join(dir, 'pem'), 'old pem');
  });

  test('nothing is written', () => {
    expect(error(false)).toMatchObject({
      exitCode: ExitCode.badInput,
      message: `there is already ${join(dir, 'pem')}`,
      hint: expect.stringContaining('--force') as string,
    });
    expect(contents()).toEqual({ pem: 'old pem' });
  });

  test('it is replaced where that is wanted, with the mode', () => {
    chmodSync(join(dir, 'pem'), 0o600);
    write(true);
    expect(contents()).toEqual({ key: 'new key', pem: 'new pem' });
    expect(statSync(join(dir, 'pem')).mode & 0o777).toBe(0o644);
  });
});

test('a link that leads nowhere is in the way too, and is replaced, not followed', () => {
  symlinkSync(join(dir, 'elsewhere'), join(dir, 'pem'));
  expect(error(false).message).toMatch(/nothing was changed: EEXIST/);
  expect(readdirSync(dir)).toEqual(['pem']);
  write(true);
  expect(contents()).toEqual({ key: 'new key', pem: 'new pem' });
});

test.each([['old key'], [undefined]])(
  'where the second cannot be put in place, the first is taken back: %j',
  (former) => {
    if (former !== undefined) writeFileSync(join(dir, 'key'), former);
    mkdirSync(join(dir, 'pem'));
    expect(error(true)).toMatchObject({
      exitCode: ExitCode.badInput,
      message: expect.stringMatching(/^cannot write \S+ and \S+, so nothing was changed: /) as string,
    });
    expect(readdirSync(dir)).toEqual(former === undefined ? ['pem'] : ['key', 'pem']);
    if (former !== undefined) expect(readFileSync(join(dir, 'key'), 'utf8')).toBe(former);
  },
);

test('a folder that cannot be written to', () => {
  chmodSync(dir, 0o555);
  if (isRoot) process.seteuid?.(65534);
  try {
    expect(error(false).message).toMatch(/nothing was changed: EACCES/);
  } finally {
    if (isRoot) process.seteuid?.(0);
    chmodSync(dir, 0o755);
  }
  expect(readdirSync(dir)).toEqual([]);
});
