import { describe, expect, test } from 'vitest';
import { ExitCode, OperatorError } from '../../src/process/errors.ts';
import { StoreError, storeError } from '../../src/store/errors.ts';

const FILE = '/var/lib/xapplepush/xapplepush.db';

function failure(code: string): Error {
  return Object.assign(new Error('it said so'), { code });
}

describe('storeError', () => {
  test.each([
    ['SQLITE_BUSY', /database FILE is locked/],
    ['SQLITE_BUSY_SNAPSHOT', /database FILE is locked/],
    ['SQLITE_READONLY', /database FILE is read-only/],
    ['SQLITE_READONLY_DIRECTORY', /database FILE is read-only/],
    ['EROFS', /database FILE is read-only/],
    ['EACCES', /database FILE cannot be used by this user/],
    ['EPERM', /database FILE cannot be used by this user/],
    ['SQLITE_FULL', /no space left for database FILE/],
    ['ENOSPC', /no space left for database FILE/],
    ['EDQUOT', /no space left for database FILE/],
    ['SQLITE_CANTOPEN', /database FILE cannot be opened/],
    ['SQLITE_NOTADB', /FILE is damaged or no database/],
    ['SQLITE_CORRUPT_INDEX', /FILE is damaged or no database/],
    ['SQLITE_IOERR_WRITE', /reading or writing database FILE failed/],
    ['EIO', /reading or writing database FILE failed/],
    ['ENOENT', /no folder for database FILE/],
    ['ENOTDIR', /no folder for database FILE/],
  ])('%s', (code, message) => {
    const thrown = failure(code);
    const error = storeError(FILE, thrown, () => undefined);
    expect(error).toBeInstanceOf(StoreError);
    expect(error).toMatchObject({
      exitCode: ExitCode.tryAgain,
      cause: thrown,
      busy: code.startsWith('SQLITE_BUSY'),
    });
    expect(error.message.replace(FILE, 'FILE')).toMatch(message);
    expect(error.message).toContain(`(${code}: it said so)`);
    expect(error).toHaveProperty('hint', expect.not.stringMatching(/FILE|FOLDER/));
  });

  test.each(['SQLITE_CANTOPEN', 'SQLITE_READONLY_DIRECTORY', 'SQLITE_IOERR_SHMSIZE', 'EACCES', 'EROFS'])(
    '%s is explained by what the file system says',
    (code) => {
      const error = storeError(FILE, failure(code), () => ({
        message: 'the disk is full',
        hint: 'make room',
      }));
      expect(error).toBeInstanceOf(StoreError);
      expect(error).toMatchObject({ message: 'the disk is full', hint: 'make room', busy: false });
    },
  );

  test('a folder that the driver misses', () => {
    const error = storeError(
      FILE,
      new TypeError('Cannot open database because the directory does not exist'),
    );
    expect(error.message).toBe(`no folder for database ${FILE}`);
    expect(error).toHaveProperty('hint', 'make it: install -d -m 0750 -o cyrus -g mail /var/lib/xapplepush');
  });

  test('a bug, and what has been explained already, pass as they are', () => {
    const others = [
      new TypeError('x is undefined'),
      failure('SQLITE_CONSTRAINT_UNIQUE'),
      new OperatorError('known', { exitCode: ExitCode.tryAgain, hint: 'wait' }),
    ];
    for (const error of others) expect(storeError(FILE, error)).toBe(error);
    expect(storeError(FILE, 'thrown text')).toMatchObject({ name: 'Error', message: 'thrown text' });
  });
});
