import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/store.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** What a version is written into, and what does it. */
const FILES = ['package.json', 'package-lock.json', 'CHANGELOG.md', 'docs/install.md'];
const SCRIPTS = ['packaging/release', 'packaging/version.mjs', 'packaging/sbom.mjs'];
const AUTHOR = ['user.name=Alice', 'user.email=alice@example.org', 'commit.gpgsign=false'].flatMap((each) => [
  '-c',
  each,
]);

/** Without what git gives to hooks, by which it would look into the project's own repository. */
const ENV = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_')));

/** The project's own has nothing unreleased at the commit of a release. */
const CHANGELOG = '# Changelog\n\n## 8.0.0, unreleased\n\n- Something.\n';

/** A repository of its own with those files, all of them committed. */
function copyOfProject(): string {
  const folder = temporaryFolder();
  for (const file of [...FILES, ...SCRIPTS]) {
    mkdirSync(join(folder, dirname(file)), { recursive: true });
    cpSync(join(PROJECT, file), join(folder, file));
  }
  writeFileSync(join(folder, 'CHANGELOG.md'), CHANGELOG);
  run(folder, 'git', 'init', '--quiet');
  commit(folder);
  return folder;
}

function commit(folder: string): void {
  run(folder, 'git', 'add', '.');
  expect(run(folder, 'git', ...AUTHOR, 'commit', '--quiet', '--message', 'all').status).toBe(0);
}

function run(cwd: string, command: string, ...args: string[]): SpawnSyncReturns<string> {
  const made = spawnSync(command, args, { cwd, encoding: 'utf8', env: ENV });
  if (made.error) throw made.error;
  return made;
}

const release = (folder: string, ...args: string[]): SpawnSyncReturns<string> =>
  run(folder, join(folder, 'packaging/release'), ...args);
const textOf = (folder: string, file: string): string => readFileSync(join(folder, file), 'utf8');
const versionOf = (folder: string): string =>
  (JSON.parse(textOf(folder, 'package.json')) as { version: string }).version;

describe('a version', () => {
  test('is set wherever it stands, and nothing else is changed', () => {
    const folder = copyOfProject();
    expect(release(folder, 'version', '7.8.9', '2030-01-02')).toMatchObject({ status: 0, stderr: '' });
    expect(textOf(folder, 'CHANGELOG.md')).toMatch(/^# Changelog\n\n## 7\.8\.9, 2030-01-02\n/);
    expect(textOf(folder, 'docs/install.md')).toContain('xapplepush-7.8.9.tgz');
    const lock = JSON.parse(textOf(folder, 'package-lock.json')) as {
      version: string;
      packages: Record<string, { version: string }>;
    };
    expect([versionOf(folder), lock.version, lock.packages['']?.version]).toEqual(Array(3).fill('7.8.9'));
    const changed = run(folder, 'git', 'diff', '--numstat').stdout.trim().split('\n');
    expect(changed.sort()).toEqual([
      '1\t1\tCHANGELOG.md',
      '1\t1\tdocs/install.md',
      '1\t1\tpackage.json',
      '2\t2\tpackage-lock.json',
    ]);
  });

  test('follows the last one, and has something that is new', () => {
    const folder = copyOfProject();
    const refused = (version: string): string => {
      const before = FILES.map((file) => textOf(folder, file));
      const { status, stderr } = run(folder, process.execPath, 'packaging/version.mjs', version);
      expect(status).toBe(1);
      expect(FILES.map((file) => textOf(folder, file))).toEqual(before);
      return stderr;
    };
    const former = versionOf(folder);
    expect(refused('1.2')).toContain("release: error: '1.2' is no version\nrelease: hint: name one such as");
    expect(refused('0.0.1')).toContain(`0.0.1 does not come after ${former}`);
    expect(refused(`${former}-rc.1`)).toContain('does not come after');
    writeFileSync(join(folder, 'CHANGELOG.md'), '# Changelog\n\n## 7.0.0, 2030-01-02\n');
    expect(refused('7.0.1')).toContain(`has changed since ${former} below '## 7.0.1, unreleased'`);
  });

  test('is put in order by its numbers: rc.10 comes after rc.9', () => {
    const folder = temporaryFolder();
    const set = (former: string, version: string): number | null => {
      writeFileSync(join(folder, 'package.json'), JSON.stringify({ version: former }));
      writeFileSync(join(folder, 'package-lock.json'), '{"packages":{"":{}}}');
      writeFileSync(join(folder, 'CHANGELOG.md'), CHANGELOG);
      mkdirSync(join(folder, 'docs'), { recursive: true });
      writeFileSync(join(folder, 'docs/install.md'), '');
      return run(folder, process.execPath, join(PROJECT, 'packaging/version.mjs'), version).status;
    };
    expect([set('7.0.0-rc.9', '7.0.0-rc.10'), set('7.0.0-rc.10', '7.0.0-rc.9')]).toEqual([0, 1]);
  });

  test('a tree with changes is refused before anything is made', () => {
    const folder = copyOfProject();
    writeFileSync(join(folder, 'new'), '');
    for (const args of [
      ['version', '7.8.9'],
      ['build', 'out'],
    ]) {
      const { status, stderr } = release(folder, ...args);
      expect(status).toBe(1);
      expect(stderr).toContain('release: error: the tree has changes: ?? new\nrelease: hint: commit them');
    }
    expect(run(folder, 'git', 'status', '--porcelain').stdout).toBe('?? new\n');
  });
});

describe('what is built', () => {
  const NEEDED = ['usr/share/doc/xapplepush/licences', 'usr/lib/xapplepush/node_modules', 'DEBIAN'];
  const PACKAGE = `mkdir -p "$1" x && cd x && mkdir -p ${NEEDED.join(' ')} && : >${NEEDED[0]}/bundled
printf 'Package: xapplepush\\nVersion: 7.0.0\\nArchitecture: all\\nMaintainer: A <a@b.invalid>\\nDescription: d\\n' >DEBIAN/control
dpkg-deb --build . "$1/xapplepush_$version+deb13_all.deb"`;
  const SBOM = '{"specVersion":"1.5","metadata":{"component":{}},"components":[]}';

  /** With a stand-in for what takes minutes, and one for npm. */
  function build(npmVersion: string, out: string): SpawnSyncReturns<string> {
    const folder = copyOfProject();
    const script = (file: string, text: string): void => {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `#!/bin/bash -e\n${text}\n`, { mode: 0o755 });
    };
    script(join(folder, 'packaging/deb'), `version=${versionOf(folder)}\n${PACKAGE}`);
    script(join(folder, 'bin/npm'), `[ "$1" = sbom ] && echo '${SBOM}' || echo ${npmVersion}`);
    commit(folder);
    const PATH = `${join(folder, 'bin')}:${process.env['PATH']}`;
    return run(
      folder,
      '/usr/bin/env',
      `PATH=${PATH}`,
      join(folder, 'packaging/release'),
      'build',
      out,
      'deb',
    );
  }

  test('has the sums of this version alone, of what there is', () => {
    const out = temporaryFolder();
    const version = versionOf(PROJECT);
    const other = [
      'xapplepush-0.0.1.tgz',
      'xapplepush_0.0.1+deb13_all.deb',
      'xapplepush_0.0.1+deb13_all.deb.cdx.json',
    ];
    for (const file of other) writeFileSync(join(out, file), '');
    writeFileSync(join(out, `xapplepush-${version}.tgz.cdx.json`), '');
    expect(build('10.2.0', out)).toMatchObject({ status: 0 });
    const names = [...textOf(out, 'SHA256SUMS').matchAll(/^[\da-f]{64} {2}(.*)$/gm)].map(([, name]) => name);
    const deb = `xapplepush_${version}+deb13_all.deb`;
    expect(names).toEqual([`xapplepush-${version}.tgz.cdx.json`, deb, `${deb}.cdx.json`]);
  });

  test('an npm without sbom, as that of Debian 13, is refused at once', () => {
    const out = join(temporaryFolder(), 'out');
    const { status, stderr } = build('9.2.0', out);
    expect(status).toBe(1);
    expect(stderr).toContain('release: error: npm is 9.2.0, which has no');
    expect(stderr).toContain('release: hint: put a newer one first in PATH');
    expect(existsSync(out)).toBe(false);
  });
});

describe('the list of what an artefact carries', () => {
  const component = (id: string, more = {}): object => ({
    ...{ 'bom-ref': id, name: id.replace(/@[^@]*$/, ''), version: id.replace(/^.*@/, '') },
    ...more,
  });
  const development = { properties: [{ name: 'cdx:npm:package:development', value: 'true' }] };
  const ALL = [
    component('pino@1.0.0', development),
    component('@a/b@2.0.0'),
    component('driver@3.0.0', { name: 'driver-node20' }),
    component('eslint@4.0.0', development),
  ];

  interface List {
    serialNumber: string;
    metadata: object;
    components: { 'bom-ref': string }[];
  }

  function listOf(folder: string, bundled: string, ...args: string[]): SpawnSyncReturns<string> {
    writeFileSync(join(folder, 'LICENSES'), `=== ${bundled} ===\n\nMIT\n`);
    return spawnSync(
      process.execPath,
      [join(PROJECT, 'packaging/sbom.mjs'), join(folder, 'LICENSES'), ...args],
      {
        input: JSON.stringify({
          specVersion: '1.5',
          metadata: { component: { name: 'w' } },
          components: ALL,
        }),
        encoding: 'utf8',
        env: { ...process.env, SOURCE_DATE_EPOCH: '86400' },
      },
    );
  }
  const idsIn = ({ stdout }: SpawnSyncReturns<string>): string[] =>
    (JSON.parse(stdout) as List).components.map((each) => each['bom-ref']);

  test('for npm: what is bundled alone, the same each time', () => {
    const made = listOf(temporaryFolder(), 'pino 1.0.0');
    expect(idsIn(made)).toEqual(['pino@1.0.0']);
    expect(JSON.parse(made.stdout)).toMatchObject({
      serialNumber: expect.stringMatching(
        /^urn:uuid:[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-8[\da-f]{3}-[\da-f]{12}$/,
      ) as string,
      metadata: { timestamp: '1970-01-02T00:00:00.000Z', component: { name: 'xapplepush' } },
    });
    expect(listOf(temporaryFolder(), 'pino 1.0.0').stdout).toBe(made.stdout);
  });

  test('for Debian: what is bundled, the packages that are there, a driver without its manifest, and Node', () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'modules/@a/b'), { recursive: true });
    mkdirSync(join(folder, 'modules/driver-node20'));
    writeFileSync(join(folder, 'modules/@a/b/package.json'), '{"name":"@a/b","version":"2.0.0"}');
    const made = listOf(folder, 'pino 1.0.0', join(folder, 'modules'), '24.1.0');
    expect(idsIn(made)).toEqual(['pino@1.0.0', '@a/b@2.0.0', 'driver@3.0.0', 'node@24.1.0']);
  });

  test('what npm does not know of is an error', () => {
    const { status, stderr } = listOf(temporaryFolder(), 'unheard-of 1.0.0');
    expect(status).toBe(1);
    expect(stderr).toContain('carried, and not in the list of npm: unheard-of@1.0.0');
  });
});
