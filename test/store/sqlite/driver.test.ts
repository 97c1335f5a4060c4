import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, test } from 'vitest';
import { connect, type Statement } from '../../../src/store/sqlite/driver.ts';
import { codeOf } from '../../../src/store/sqlite/result-codes.ts';
import { nodeSqlite } from '../../../src/store/sqlite/node-sqlite.ts';
import { type CompiledProgram, compileProgram } from '../../support/compiled.ts';
import { temporaryFolder } from '../../support/store.ts';

const PACKAGES = fileURLToPath(new URL('../../../node_modules', import.meta.url));

/** The release that is for this Node, and where its binary lies in it. */
const [RELEASE, BINARY] =
  Number(process.versions['napi']) >= 10
    ? ['better-sqlite3', `prebuilds/${process.platform}-${process.arch}.node`]
    : ['better-sqlite3-node20', 'build/Release/better_sqlite3.node'];

/** Which of the drivers it is that opens. */
const NAME = 'console.log(driverName());';

const OPEN = `
  import { connect, driverName } from '@/store/sqlite/driver.js';
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

/** Its own, from 22.16 on: what npm has installed is not missed there. */
const HAS_NODE_SQLITE = nodeSqlite() !== undefined;

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
    expect(await program.run(OPEN + NAME)).toBe('42\nbetter-sqlite3\n');
  });

  test('is found within the package of npm, where its JavaScript is a part of the program', async () => {
    install(join(dirname(below), 'dist/drivers'));
    mkdirSync(join(below, RELEASE), { recursive: true });
    writeFileSync(
      join(below, RELEASE, 'index.js'),
      `module.exports = require('../../dist/drivers/${RELEASE}');`,
    );
    expect(await program.run(OPEN + NAME)).toBe('42\nbetter-sqlite3\n');
  });

  test('that does not load is passed over for one that does', async () => {
    installBroken(below);
    install(beside);
    writeFileSync(join(below, RELEASE, 'index.js'), `module.exports = require('../../../${RELEASE}');`);
    expect(await program.run(OPEN + NAME)).toBe('42\nbetter-sqlite3\n');
  });

  test('that Node has is used where what npm has installed does not load', async () => {
    installBroken(below);
    const running = program.start(OPEN + NAME);
    const [out, err] = await Promise.all([running.stdout, running.stderr].map((stream) => text(stream)));
    if (HAS_NODE_SQLITE) expect([out, err]).toEqual(['42\nnode:sqlite\n', '']);
    else expect(out).toContain('does not load');
  });

  test('of Node 22 is quiet about itself only', async () => {
    const told = await program.run(`
      import { nodeSqlite } from '@/store/sqlite/node-sqlite.js';
      process.on('warning', ({ message }) => console.log(message));
      nodeSqlite();
      process.emitWarning('SQLite is told of', 'ExperimentalWarning');`);
    expect(told).toBe('SQLite is told of\n');
  });

  test.skipIf(HAS_NODE_SQLITE).each([
    ['is missing', () => undefined, /: it is not installed$/],
    ['does not load', () => installBroken(below), new RegExp(`: .*/${RELEASE}/${BINARY}: \\S`)],
  ])('that %s is told, with the fix', async (_how, prepare, why) => {
    prepare();
    const { message, hint, exitCode } = JSON.parse(await program.run(OPEN)) as Record<string, unknown>;
    expect(message).toMatch(why);
    expect(message).toContain(`the database driver does not load under Node ${process.version}: `);
    expect(hint).toBe(
      'install it anew with this Node, by npm install --global better-sqlite3-node20@npm:better-sqlite3@12; ' +
        'Node 22.16 or later needs none; Node 20 needs a compiler for it: apt-get install -y build-essential python3',
    );
    expect(exitCode).toBe(75);
  });

  test.skipIf(HAS_NODE_SQLITE)('the fix is another one where npm has not installed the program', async () => {
    const folder = join(temporaryFolder(), 'program');
    mkdirSync(folder);
    const elsewhere = compileProgram(folder);
    rmSync(join(folder, 'node_modules'));
    expect(await elsewhere.run(OPEN)).toContain(
      "in xapplepush's folder: npm ci && npm run build; Node 22.16",
    );
    writeFileSync(join(folder, 'mail-user'), ''); // as the package of Debian has
    expect(await elsewhere.run(OPEN)).toContain('install it anew: apt-get install --reinstall xapplepush"');
  });
});

test.each(['20.20.2', '22.15.1', '23.11.0'])("Node's own driver of %s lacks what is needed", (version) => {
  expect(nodeSqlite(version)).toBeUndefined();
});

describe.skipIf(!HAS_NODE_SQLITE)("Node's own driver", () => {
  const { connect: connectByNode } = nodeSqlite() ?? { connect };

  test('opens a file whatever the number of slashes at its beginning', () => {
    const file = join(temporaryFolder(), 'x.db');
    connectByNode(file).close();
    connectByNode(`/${file}`, { fileMustExist: true }).close();
  });

  test('names what fails as the other does', () => {
    const file = join(temporaryFolder(), 'a file?#%.db');
    expect(() => connectByNode(file, { fileMustExist: true })).toThrow(
      expect.objectContaining({ code: 'SQLITE_CANTOPEN' }),
    );
    const [one, two] = [connectByNode(file), connectByNode(file, { fileMustExist: true, timeout: 0 })];
    one.exec('CREATE TABLE t (x UNIQUE); INSERT INTO t VALUES (1); BEGIN IMMEDIATE');
    expect(one.inTransaction).toBe(true);
    expect(() => two.exec('BEGIN IMMEDIATE')).toThrow(expect.objectContaining({ code: 'SQLITE_BUSY' }));
    expect(() => one.prepare('INSERT INTO t VALUES (1)').run()).toThrow(
      expect.objectContaining({ code: 'SQLITE_CONSTRAINT_UNIQUE' }),
    );
    for (const each of [one, two, two]) each.close();
  });

  test('gives rows, first values and arrays, and takes NULL and names that are too many', () => {
    const database = connectByNode(':memory:');
    const select = (): Statement => database.prepare('SELECT @a AS a, @b AS b');
    const given = { a: 1, b: undefined, c: 'not asked for' };
    expect(select().get(given)).toStrictEqual({ a: 1, b: null });
    expect(select().pluck().all(given)).toStrictEqual([1]);
    expect(select().raw().get(given)).toStrictEqual([1, null]);
    expect(database.prepare('SELECT 1 WHERE 0').pluck().get()).toBe(undefined);
    expect(database.pragma('foreign_keys')).toStrictEqual([{ foreign_keys: 1 }]);
    database.close();
  });
});

test.each([
  [5, 'SQLITE_BUSY'],
  [1802, 'SQLITE_IOERR_FSTAT'],
  [1811, 'SQLITE_CONSTRAINT_TRIGGER'],
  [8714, 'SQLITE_IOERR_IN_PAGE'],
  [0x1f0e, 'SQLITE_CANTOPEN_31'],
])('the result code %i has a name', (errcode, name) => {
  expect(codeOf(errcode)).toBe(name);
});
