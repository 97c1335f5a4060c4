import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/store.ts';

const SCRIPT = fileURLToPath(new URL('../../build/driver.mjs', import.meta.url));

function look(...args: string[]): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync(process.execPath, [SCRIPT, ...args], { encoding: 'utf8' });
  return { status, stderr };
}

test('where npm could not compile the driver, the build names the packages to install', () => {
  const folder = temporaryFolder();
  const { status, stderr } = look(folder);
  expect(status).toBe(1);
  expect(stderr).toContain('apt-get install -y build-essential python3');
  const release = join(folder, 'node_modules/better-sqlite3-node20/build/Release');
  mkdirSync(release, { recursive: true });
  writeFileSync(join(release, 'better_sqlite3.node'), '');
  expect(look(folder)).toEqual({ status: 0, stderr: '' });
});

test('a driver that npm put beside the package is found', () => {
  const folder = temporaryFolder();
  const release = join(folder, 'better-sqlite3-node20/build/Release');
  mkdirSync(release, { recursive: true });
  writeFileSync(join(release, 'better_sqlite3.node'), '');
  mkdirSync(join(folder, 'xapplepush'));
  expect(look(join(folder, 'xapplepush')).status).toBe(0);
});

test('here there is one', () => {
  expect(look()).toEqual({ status: 0, stderr: '' });
});
