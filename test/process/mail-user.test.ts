import { expect, test } from 'vitest';
import { ownerOf, userCalled } from '../../src/process/mail-user.ts';
import { temporaryFolder } from '../support/store.ts';

/** No user of the system has it. */
const UNKNOWN = '471100';

test('users have names or numbers', () => {
  const root = { called: 'user root', uid: 0, gid: 0, owner: 'root', group: 'root' };
  expect(userCalled('root')).toEqual({ ...root, gids: expect.arrayContaining([0]) as number[] });
  const id = Number(UNKNOWN);
  const nameless = { called: `user id ${UNKNOWN}`, owner: UNKNOWN, group: UNKNOWN };
  expect(userCalled(UNKNOWN)).toEqual({ ...nameless, uid: id, gid: id, gids: [id] });
  expect(userCalled('nobody-of-that-name')).toBeUndefined();
});

test('a folder is of somebody, where it is there', () => {
  const folder = temporaryFolder();
  expect(ownerOf(folder)).toMatchObject({ uid: process.geteuid?.(), gid: process.getegid?.() });
  expect(ownerOf(`${folder}/none`)).toBeUndefined();
});
