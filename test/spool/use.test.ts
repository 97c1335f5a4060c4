import { expect, test } from 'vitest';
import { isAbandoned } from '../../src/spool/use.ts';

const MINUTE_MS = 60_000;

/** A draft that its writer, who told only a pid, has not touched for 11 minutes; that process has lived so long. */
function isLeftBy(lifeMs: number | undefined): boolean {
  return isAbandoned('tmp', '4711', 11 * MINUTE_MS, () => lifeMs);
}

test('a draft is left where no process has its pid', () => {
  expect(isLeftBy(undefined)).toBe(true);
});

test('it is not left while the process with its pid is no older than a writer can be', () => {
  expect(isLeftBy(MINUTE_MS)).toBe(false);
});

test('it is left where that process is older, so another one by now', () => {
  expect(isLeftBy(10 * MINUTE_MS)).toBe(true);
});
