import { userInfo } from 'node:os';
import { expect, test } from 'vitest';
import { readingHistory } from '../../src/history/unreadable.ts';
import { temporaryFolder } from '../support/store.ts';

test('a history is read', async () => {
  expect(await readingHistory('/no/such/folder', () => 'entries')).toBe('entries');
});

test('one that this user may not read says as whom it can be', async () => {
  const folder = temporaryFolder();
  const cause = Object.assign(new Error('permission denied'), { code: 'EACCES' });
  await expect(readingHistory(folder, () => Promise.reject(cause))).rejects.toMatchObject({
    message: `user ${userInfo().username} may not read the history in ${folder}`,
    hint: expect.stringContaining(`or as user ${userInfo().username}, whose it is`) as string,
    ...{ exitCode: 75, cause },
  });
});

test('any other error stays as it is', async () => {
  const error = new Error('of another kind');
  await expect(readingHistory(temporaryFolder(), () => Promise.reject(error))).rejects.toBe(error);
});
