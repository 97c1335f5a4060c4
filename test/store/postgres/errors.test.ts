import pg from 'pg';
import { expect, test } from 'vitest';
import { StoreError, UnfitValueError } from '../../../src/store/errors.ts';
import { isLost, postgresError } from '../../../src/store/postgres/errors.ts';

function failure(code: string): Error {
  return Object.assign(new pg.DatabaseError('it said so', 0, 'error'), { code });
}

test.each(['22021', '22P05', '23502', '23505', '54000'])('%s is of the value, for ever', (code) => {
  const error = postgresError('URL', failure(code));
  expect(error).toBeInstanceOf(UnfitValueError);
  expect(error.message).toBe(`database URL cannot hold a value (${code}: it said so)`);
});

test.each(['0A000', '23503', '25P02', '42601', '55000', '58030', '25P03', '57P05'])(
  '%s is of the database',
  (code) => {
    expect(postgresError('URL', failure(code))).toBeInstanceOf(StoreError);
  },
);

test.each(['57P01', '57P05', '25P03', '25P04'])('%s ends the connection', (code) => {
  expect(isLost(failure(code))).toBe(true);
});

test('what has no SQLSTATE and is of no system call is a bug, and passes unchanged', () => {
  const bug = Object.assign(new TypeError('no such property'), { code: 'ERR_INVALID_ARG_TYPE' });
  expect(postgresError('URL', bug)).toBe(bug);
});
