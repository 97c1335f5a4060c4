import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, test } from 'vitest';
import { connect } from '../../../src/store/sqlite/driver.ts';
import { type CompiledProgram, compileProgram } from '../../support/compiled.ts';
import { temporaryFolder } from '../../support/store.ts';

const PACKAGES = fileURLToPath(new URL('../../../node_modules', import.meta.url));

/** The release that is for this Node, and where its binary lies in it. */
const [RELEASE, BINARY] =
  Number(process.versions['napi']) >= 10
    ? ['better-sqlite3', `prebuilds/${process.platform}-${process.arch}.node`]
    : ['better-sqlite3-node20', 'build/Release/better_sqlite3.node'];

const OPEN = `
  import { connect } from '@/store/sqlite/driver.js';
  try {
    console.log(connect(':memory:').prepare('SELECT 42').pluck().get());
  } catch ({ message, hint, exitCode }) {
    console.log(JSON.stringify({ message, hint, exitCode }));
  }`;

test('a database is opened as it is asked for', () => {
  expect(() => connect('/nonexistent.db', { fileMustExist: true })).toThrow('unable to open');
  const database = connect(':memory:', { timeout: 123 });
  expect(database.pragma('busy_timeout', { simple: true })).toBe(123);
  database.close();
});

describe('the driver', () => {
  let program: CompiledProgram;
  let below: string;
  let beside: string;
  beforeEach(() => {
    beside = join(temporaryFolder(), 'node_modules');
    below = join(beside, 'xapplepush', 'node_modules');
    mkdirSync(dirname(below), { recursive: true });
    program = compileProgram(dirname(below));
    rmSync(below);
  });

  function install(folder: string, release = RELEASE): void {
    mkdirSync(folder, { recursive: true });
    symlinkSync(join(PACKAGES, RELEASE), join(folder, release));
  }

  function installBroken(folder: string): void {
    const file = join(folder, RELEASE, BINARY);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, 'made for another system');
  }

  test.each(['below', 'beside'])('is found %s the program', async (place) => {
    install(place === 'below' ? below : beside);
    expect(await program.run(OPEN)).toBe('42\n');
  });

  test('that does not load is passed over for one that does', async () => {
    installBroken(below);
    install(beside);
    writeFileSync(join(below, RELEASE, 'index.js'), `module.exports = require('../../../${RELEASE}');`);
    expect(await program.run(OPEN)).toBe('42\n');
  });

  test.each([
    ['is missing', () => undefined, /: it is not installed$/],
    ['does not load', () => installBroken(below), new RegExp(`: .*/${RELEASE}/${BINARY}: \\S`)],
  ])('that %s is told, with the fix', async (_how, prepare, why) => {
    prepare();
    const { message, hint, exitCode } = JSON.parse(await program.run(OPEN)) as Record<string, unknown>;
    expect(message).toMatch(why);
    expect(message).toContain(`the database driver does not load under Node ${process.version}: `);
    expect(hint).toBe(
      'install it anew with this Node, by npm install --global as before; ' +
        'Node 20 needs a compiler for it: apt-get install -y build-essential python3',
    );
    expect(exitCode).toBe(75);
  });

  test('the fix is another one where npm has not installed the program', async () => {
    const folder = join(temporaryFolder(), 'program');
    mkdirSync(folder);
    const elsewhere = compileProgram(folder);
    rmSync(join(folder, 'node_modules'));
    expect(await elsewhere.run(OPEN)).toContain("in xapplepush's folder: npm ci && npm run build; Node 20");
    writeFileSync(join(folder, 'mail-user'), ''); // as the package of Debian has
    expect(await elsewhere.run(OPEN)).toContain('install it anew: apt-get install --reinstall xapplepush"');
  });
});
