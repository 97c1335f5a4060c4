import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nodeSqlite } from '../../src/store/sqlite/node-sqlite.ts';
import { temporaryFolder } from '../support/store.ts';

test('an install without a driver for this Node says so in one line, and does not fail', () => {
  const folder = temporaryFolder();
  for (const each of ['build', 'dist', 'package.json', 'schema.sql'])
    cpSync(each, join(folder, each), { recursive: true });
  const { status, stderr } = spawnSync(process.execPath, ['build/keep-code-here.mjs'], {
    cwd: folder,
    encoding: 'utf8',
  });
  const said =
    `xapplepush: no database driver here loads under Node ${process.version}: ` +
    'take Node 22.16, 24 or later, which has one itself\n';
  expect({ status, stderr }).toEqual({ status: 0, stderr: nodeSqlite() === undefined ? said : '' });
});
