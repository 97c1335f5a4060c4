import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openOnce } from '../../src/store/open-once.ts';
import { StoreError } from '../../src/store/errors.ts';
import { registered, rowsOf, temporaryFolder, testStore } from '../support/store.ts';

const newFile = (): string => join(temporaryFolder(), 'x.db');

test('opens the database at the first call, and the same one at the next', async () => {
  const file = newFile();
  const once = openOnce(file, 100);
  expect(existsSync(file)).toBe(false);
  expect(await once.get()).toBe(await once.get());
  once.close();
  expect(existsSync(`${file}-wal`)).toBe(false);
});

test('throws again the trouble that it was told of', async () => {
  const once = openOnce(newFile(), 100);
  const trouble = new StoreError('locked', { hint: 'wait', cause: undefined });
  once.fail(trouble);
  await expect(once.get()).rejects.toBe(trouble);
  once.close();
});

test('left open, what was committed is for whoever opens it next', async () => {
  const file = newFile();
  const once = openOnce(file, 100);
  const store = await once.get();
  onTestFinished(() => store.close());
  await registered(store);
  once.leaveOpen();
  once.close();
  expect(existsSync(`${file}-wal`)).toBe(true);
  expect(await rowsOf(testStore(file), 'SELECT user FROM targets')).toEqual([{ user: 'alice' }]);
});
