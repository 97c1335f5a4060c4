import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { closedTo, isThere } from '../../src/status/closed.ts';
import { temporaryFolder } from '../support/store.ts';

let [folder, file]: string[] = [];
let mine: { uid: number; gid: number };

beforeEach(() => {
  folder = join(temporaryFolder(), 'open');
  mkdirSync(folder);
  chmodSync(join(folder, '..'), 0o755);
  file = join(folder, 'file');
  writeFileSync(file, '');
  mine = statSync(file);
});

/** Of another user than this process's. */
function somebody(gid: number): Parameters<typeof closedTo>[0] {
  return { uid: mine.uid + 4711, gids: [4711, gid] };
}

describe('another user is judged by the mode', () => {
  test.each([
    [0o604, 0o755, 'read', false, undefined],
    [0o600, 0o755, 'read', false, 'file'],
    [0o640, 0o755, 'read', false, 'file'],
    [0o640, 0o755, 'read', true, undefined],
    [0o604, 0o755, 'read', true, 'file'], // the group's bits hold for the group, also where others may more
    [0o666, 0o755, 'write', false, undefined],
    [0o644, 0o755, 'write', false, 'file'],
    [0o755, 0o755, 'execute', false, undefined],
    [0o644, 0o755, 'execute', false, 'file'],
    [0o666, 0o700, 'read', false, 'folder'],
    [0o666, 0o710, 'read', true, undefined],
  ] as const)('%o in %o: %s, of its group %s', (mode, folderMode, right, isOfGroup, closed) => {
    chmodSync(file!, mode);
    chmodSync(folder!, folderMode);
    const user = somebody(isOfGroup ? mine.gid : 4712);
    const expected = closed && { file, folder }[closed];
    expect(closedTo(user, file!, [right])).toBe(expected);
  });

  test('and root may read everything', () => {
    chmodSync(file!, 0);
    chmodSync(folder!, 0o700);
    expect(closedTo({ uid: 0, gids: [0] }, file!, ['read', 'write'])).toBeUndefined();
  });
});

test('a file is there or not', () => {
  expect([isThere(file!), isThere(`${file}-none`), isThere(`${file}/below`)]).toEqual([true, false, false]);
});
