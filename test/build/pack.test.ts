import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/store.ts';

/** With all of it unpacked; better-sqlite3 alone, as npm installs it, takes 27. */
const MOST_BYTES = 15_000_000;

/** The driver for later Nodes, of which npm leaves out the package under Node 20. */
const HAS_DRIVERS = existsSync('node_modules/better-sqlite3');

/** A shared object, which is all that can be told of one without a Node that it fits. */
const DRIVER = 'node_modules/better-sqlite3/prebuilds/linux-x64.node';

interface Packed {
  filename: string;
  unpackedSize: number;
  files: { path: string }[];
}

function packs(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, ['build/pack.mjs', ...args], { encoding: 'utf8' });
}

test.skipIf(!HAS_DRIVERS)(
  'the package for npm has all that runs, and its licences, and nothing to install',
  () => {
    const folder = temporaryFolder();
    const { stdout } = packs('--driver-of-node-20', DRIVER, '--json', '--pack-destination', folder);
    const [{ filename, unpackedSize, files }] = JSON.parse(stdout) as [Packed];
    expect(unpackedSize).toBeLessThan(MOST_BYTES);
    expect(files.map(({ path }) => path)).toEqual(
      expect.arrayContaining([
        ...[
          'LICENSE',
          'README.md',
          'bin/xapplepush',
          'schema.sql',
          'build/keep-code-here.mjs',
          'build/keep-code.mjs',
        ],
        ...['dist/LICENSES', 'dist/main.cjs', 'dist/better-sqlite3.cjs', 'dist/better-sqlite3-node20.cjs'],
        ...['x64', 'arm64'].map((arch) => `dist/drivers/better-sqlite3/prebuilds/linux-${arch}.node`),
        'dist/drivers/better-sqlite3-node20/build/Release/better_sqlite3.node',
      ]),
    );
    expect(files.filter(({ path }) => path.endsWith('.code'))).toEqual([]); // another with each build
    const manifest = manifestIn(join(folder, filename));
    expect(Object.keys(manifest).join()).not.toMatch(/dependencies/i);
    expect(manifest).toMatchObject({ engines: { node: '^20.19 || >=22.12' } });
  },
);

test.skipIf(!HAS_DRIVERS)('without a driver for Node 20 the package is for Node 22.14 and later', () => {
  const folder = temporaryFolder();
  const [{ filename, files }] = JSON.parse(packs('--json', '--pack-destination', folder).stdout) as [Packed];
  expect(files.filter(({ path }) => path.startsWith('dist/drivers/better-sqlite3-node20'))).toEqual([]);
  expect(manifestIn(join(folder, filename))).toMatchObject({ engines: { node: '>=22.14' } });
});

function manifestIn(file: string): object {
  return JSON.parse(
    execFileSync('tar', ['-xOf', file, 'package/package.json'], { encoding: 'utf8' }),
  ) as object;
}

test('what is no shared object is refused as a driver', () => {
  const { status, stderr } = packs('--driver-of-node-20', 'package.json');
  expect(status).toBe(1);
  expect(stderr).toBe(
    "pack: error: 'package.json' is no driver: a shared object for Linux was expected\n" +
      'pack: hint: name what npm ci has compiled with a Node 20: ' +
      '--driver-of-node-20 node_modules/better-sqlite3-node20/build/Release/better_sqlite3.node\n',
  );
});

test.skipIf(HAS_DRIVERS)('a package without a driver is not made, since other Nodes could not run it', () => {
  const { status, stderr } = packs();
  expect(status).toBe(1);
  expect(stderr).toMatch(/^pack: error: there is no .*better-sqlite3/);
  expect(stderr).toContain('pack: hint: with Node 22.14 or later');
});

/** A driver finds its binary by the one, and a PostgreSQL client that nobody here asks for is the other. */
const NEVER_LOADED = new Set(['bindings', 'pg-native']);

test('what is built needs no package beside it, and has the licences of what is in it', () => {
  const chunks = readdirSync('dist').filter((name) => name.endsWith('.cjs'));
  const required = chunks.flatMap((name) =>
    [...readFileSync(join('dist', name), 'utf8').matchAll(/\brequire\("([^"]+)"\)/g)].map(
      ([, each]) => each!,
    ),
  );
  const foreign = required.filter((name) => !/^(?:\.|node:)/.test(name) && !builtinModules.includes(name));
  expect(foreign.filter((name) => !NEVER_LOADED.has(name))).toEqual([]);
  const licences = readFileSync('dist/LICENSES', 'utf8');
  for (const name of ['better-sqlite3', 'node-forge', 'prom-client', 'pg', 'yaml'])
    expect(licences).toContain(`=== ${name} `);
});
