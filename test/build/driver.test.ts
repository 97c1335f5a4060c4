import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/store.ts';

const SCRIPT = fileURLToPath(new URL('../../build/driver.mjs', import.meta.url));
const PACKAGE = fileURLToPath(new URL('../../package.json', import.meta.url));
const LOCK = fileURLToPath(new URL('../../package-lock.json', import.meta.url));

function look(...args: string[]): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync(process.execPath, [SCRIPT, ...args], { encoding: 'utf8' });
  return { status, stderr };
}

test('where npm could not compile the driver, the build names the packages to install', () => {
  const folder = temporaryFolder();
  const { status, stderr } = look(folder, 'v20.19.0');
  expect(status).toBe(1);
  expect(stderr).toContain('apt-get install -y build-essential python3');
  const release = join(folder, 'node_modules/better-sqlite3-node20/build/Release');
  mkdirSync(release, { recursive: true });
  writeFileSync(join(release, 'better_sqlite3.node'), '');
  expect(look(folder, 'v20.19.0')).toEqual({ status: 0, stderr: '' });
});

test.each(['v22.16.0', 'v24.0.0', 'v26.1.0'])('%s has a driver of its own', (version) => {
  expect(look(temporaryFolder(), version)).toEqual({ status: 0, stderr: '' });
});

test.each(['v22.15.1', 'v23.5.0'])('%s has none that will do', (version) => {
  expect(look(temporaryFolder(), version).status).toBe(1);
});

test('a driver within the package for npm is found', () => {
  const folder = temporaryFolder();
  const release = join(folder, 'dist/drivers/better-sqlite3-node20/build/Release');
  mkdirSync(release, { recursive: true });
  writeFileSync(join(release, 'better_sqlite3.node'), '');
  expect(look(folder, 'v20.19.0')).toEqual({ status: 0, stderr: '' });
});

test('a driver that npm put beside the package is found', () => {
  const folder = temporaryFolder();
  const release = join(folder, 'better-sqlite3-node20/build/Release');
  mkdirSync(release, { recursive: true });
  writeFileSync(join(release, 'better_sqlite3.node'), '');
  mkdirSync(join(folder, 'xapplepush'));
  expect(look(join(folder, 'xapplepush'), 'v20.19.0').status).toBe(0);
});

test.each(['v18.20.4', 'v20.18.3', 'v22.11.0'])('a Node that is too old is named: %s', (version) => {
  const { status, stderr } = look(temporaryFolder(), version);
  expect(status).toBe(1);
  expect(stderr).toContain(`build: error: this is Node ${version}, and 20.19, 22.12 or later is needed\n`);
});

test.each(['v20.19.0', 'v22.12.0', 'v24.0.0'])('a Node that will do is not: %s', (version) => {
  expect(look(temporaryFolder(), version).stderr).not.toContain('is needed');
});

test('package.json says the same', () => {
  const { engines } = JSON.parse(readFileSync(PACKAGE, 'utf8')) as { engines: { node: string } };
  expect(engines.node).toBe('^20.19 || >=22.12');
});

/** npm ci looks for it in the lock file only, compiles without it, and removes the package where that fails. */
test('npm leaves the driver that brings its binary as it is', () => {
  const lock = JSON.parse(readFileSync(LOCK, 'utf8')) as { packages: Record<string, object> };
  expect(lock.packages['node_modules/better-sqlite3']).toMatchObject({ gypfile: false });
});

test('here there is one', () => {
  expect(look()).toEqual({ status: 0, stderr: '' });
});
