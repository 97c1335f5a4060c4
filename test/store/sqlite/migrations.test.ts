import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  CURRENT_VERSION,
  migrate,
  type Migration,
  MIGRATIONS,
  writeSchema,
} from '../../../src/store/sqlite/migrations.ts';
import { connect, type Database } from '../../../src/store/sqlite/driver.ts';
import { VERSION } from '../../../src/process/installation.ts';
import { type CompiledProgram, compileProgram } from '../../support/compiled.ts';
import { temporaryFolder } from '../../support/store.ts';

const THREE: readonly Migration[] = [
  { version: 2, sql: 'CREATE TABLE second (x INTEGER) STRICT; INSERT INTO second VALUES (1)' },
  { version: 3, sql: 'ALTER TABLE second ADD COLUMN y TEXT' },
];

function opened(file: string): Database {
  const database = connect(file);
  onTestFinished(() => {
    database.close();
  });
  return database;
}

function databaseOfVersion1(file = join(temporaryFolder(), 'x.db')): Database {
  const database = opened(file);
  writeSchema(database, 1);
  return database;
}

function versionOf(database: Database): unknown {
  return database.pragma('user_version', { simple: true });
}

function recorded(database: Database): unknown[] {
  return database.prepare('SELECT version, program FROM migrations ORDER BY version').raw().all();
}

describe('migrate', () => {
  test('applies what is due, in order, and records each', () => {
    const database = databaseOfVersion1();
    migrate(database, 'x.db', THREE);
    expect(versionOf(database)).toBe(3);
    expect(recorded(database)).toEqual([1, 2, 3].map((version) => [version, VERSION]));
    expect(database.prepare('SELECT * FROM second').all()).toEqual([{ x: 1, y: null }]);
  });

  test('applies nothing twice', () => {
    const database = databaseOfVersion1();
    migrate(database, 'x.db', THREE.slice(0, 1));
    migrate(database, 'x.db', THREE);
    migrate(database, 'x.db', THREE);
    expect(recorded(database)).toHaveLength(3);
    expect(database.prepare('SELECT count(*) FROM second').pluck().get()).toBe(1);
  });

  test('applies all or none', () => {
    const database = databaseOfVersion1();
    const broken = [
      ...THREE,
      { version: 4, sql: 'INSERT INTO second VALUES (2, NULL); INSERT INTO no_such VALUES (1)' },
    ];
    expect(() => {
      migrate(database, 'x.db', broken);
    }).toThrow(/no_such/);
    expect(versionOf(database)).toBe(1);
    expect(recorded(database)).toHaveLength(1);
    expect(database.prepare(`SELECT name FROM sqlite_master WHERE name = 'second'`).all()).toEqual([]);
  });

  test('refuses a database that is newer, and changes nothing', () => {
    const database = databaseOfVersion1();
    database.pragma('user_version = 4');
    expect(() => {
      migrate(database, '/the/x.db', THREE);
    }).toThrow(
      expect.objectContaining({
        message: 'database /the/x.db has version 4; this program knows versions up to 3',
        exitCode: 75,
      }) as Error,
    );
    expect(recorded(database)).toHaveLength(1);
  });

  test('refuses a database of another program', () => {
    const database = opened(join(temporaryFolder(), 'x.db'));
    expect(() => {
      migrate(database, '/the/x.db', THREE);
    }).toThrow(/^\/the\/x.db is an SQLite database, but not one of xapplepush$/);
  });
});

describe('the versions', () => {
  test('grow by one, from 2', () => {
    expect(MIGRATIONS.map(({ version }) => version)).toEqual(MIGRATIONS.map((_, index) => index + 2));
    expect(CURRENT_VERSION).toBe(MIGRATIONS.length + 1);
  });

  test('schema.sql is version 1 with every migration', () => {
    const fresh = opened(':memory:');
    writeSchema(fresh, CURRENT_VERSION);
    const migrated = opened(':memory:');
    migrated.exec(readFileSync(new URL('./schema-1.sql', import.meta.url), 'utf8'));
    for (const { sql } of MIGRATIONS) migrated.exec(sql);
    expect(shapeOf(fresh)).toEqual(shapeOf(migrated));
    expect(shapeOf(fresh)).toHaveProperty('outbox_mailboxes');
  });
});

describe('version 3', () => {
  test('keeps every subscription, and they still end with their target', () => {
    const database = opened(':memory:');
    database.pragma('foreign_keys = ON');
    database.exec(readFileSync(new URL('./schema-1.sql', import.meta.url), 'utf8'));
    database.exec(`INSERT INTO targets (id, user, device_token, account_id, subtopic, aps_version, topic, source,
        registered_ms, renewed_ms)
      VALUES (1, 'alice', 'aa', 'A', '', 2, '', 'cyrus', 1, 1), (2, 'bob', 'bb', 'B', '', 2, '', 'cyrus', 1, 1);
      INSERT INTO subscriptions (target_id, owner, path, name, hash)
      VALUES (2, 'bob', 'INBOX', 'INBOX', 'b'), (1, 'alice', 'INBOX', 'INBOX', NULL), (2, '', 'news', 'Sh/news', 's')`);
    const select = database
      .prepare('SELECT target_id, owner, path, name, hash FROM subscriptions ORDER BY 1, 2, 3')
      .raw();
    const before = select.all();
    for (const { sql } of MIGRATIONS) database.exec(sql);
    expect(before).toHaveLength(3);
    expect(select.all()).toEqual(before);
    database.exec('DELETE FROM targets WHERE id = 2');
    expect(select.all()).toEqual(before.slice(0, 1));
  });
});

/** Tables with their columns, references and indexes. A column that a migration adds is the last one. */
function shapeOf(database: Database): Record<string, unknown> {
  const tables = database.pragma('table_list') as {
    schema: string;
    name: string;
    strict: number;
    wr: number;
  }[];
  const own = tables.filter(({ schema, name }) => schema === 'main' && !name.startsWith('sqlite_'));
  return Object.fromEntries(
    own.map(({ name, strict, wr }) => {
      const indexes = database.pragma(`index_list(${name})`) as { name: string; unique: number }[];
      return [
        name,
        {
          strict,
          wr,
          columns: database.pragma(`table_info(${name})`),
          references: database.pragma(`foreign_key_list(${name})`),
          indexes: indexes
            .map((index) => [index.name, index.unique, database.pragma(`index_info(${index.name})`)])
            .sort(),
          rows: database
            .prepare(`SELECT count(*) FROM ${name} WHERE '${name}' <> 'migrations'`)
            .pluck()
            .get(),
        },
      ];
    }),
  );
}

describe('processes that start together', () => {
  let program: CompiledProgram;
  beforeAll(() => {
    program = compileProgram();
  });
  afterAll(() => {
    program.remove();
  });

  const MIGRATE = `
    import { connect } from '@/store/sqlite/driver.js';
    import { migrate } from '@/store/sqlite/migrations.js';
    const [file, startMs, migrations] = process.argv.slice(1);
    const database = connect(file);
    while (Date.now() < Number(startMs));
    migrate(database, file, JSON.parse(migrations));
    console.log(database.prepare('SELECT count(*) FROM second').pluck().get());`;

  /** Takes so long that all have looked at the version before the first is through. */
  const slow: Migration = {
    version: 4,
    sql: `CREATE TABLE fourth AS WITH RECURSIVE counter (n) AS
      (SELECT 1 UNION ALL SELECT n + 1 FROM counter WHERE n < 500000) SELECT max(n) AS n FROM counter`,
  };

  test('migrate once', async () => {
    const file = join(temporaryFolder(), 'x.db');
    const database = databaseOfVersion1(file);
    const startMs = String(Date.now() + 400);
    const outputs = await Promise.all(
      Array.from({ length: 6 }, () => program.run(MIGRATE, file, startMs, JSON.stringify([...THREE, slow]))),
    );
    expect(outputs).toEqual(outputs.map(() => '1\n'));
    expect(recorded(database)).toHaveLength(4);
  });
});
