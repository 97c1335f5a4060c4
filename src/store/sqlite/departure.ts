import type { StoreError } from '../errors.ts';
import { type Departure, LEFT_TABLES, LEFT_VERSION, leftStore } from '../move.ts';
import type { Sql, Transactions } from './database.ts';
import type { Database } from './driver.ts';

export function departure(database: Transactions): Promise<Departure | undefined> {
  return database.read((sql) => (versionIn(sql) === LEFT_VERSION ? departureIn(sql) : undefined));
}

/** By triggers, which those too run into that have the database open; by its version, whoever opens it. */
export function depart(database: Transactions, { id, to, step }: Departure): Promise<void> {
  return database.write((sql) => {
    const version = versionIn(sql);
    if (version !== LEFT_VERSION) {
      sql('DROP TABLE IF EXISTS departure').run();
      sql('CREATE TABLE departure (id TEXT, target TEXT, step TEXT, version INTEGER) STRICT').run();
      sql('INSERT INTO departure (version) VALUES (?)').run(version);
      for (const { name, on } of TRIGGERS)
        sql(`CREATE TRIGGER ${name} BEFORE ${on} BEGIN SELECT RAISE(ABORT, 'it is left'); END`).run();
      sql(`PRAGMA user_version = ${LEFT_VERSION}`).run();
    }
    sql('UPDATE departure SET id = ?, target = ?, step = ?').run(id, to, step);
  });
}

export function stay(database: Transactions): Promise<void> {
  return database.write((sql) => {
    if (versionIn(sql) !== LEFT_VERSION) return;
    const version = sql('SELECT version FROM departure').pluck().get() as number;
    for (const { name } of TRIGGERS) sql(`DROP TRIGGER ${name}`).run();
    sql('DROP TABLE departure').run();
    sql(`PRAGMA user_version = ${version}`).run();
  });
}

const TRIGGERS = LEFT_TABLES.flatMap((table) =>
  ['INSERT', 'UPDATE', 'DELETE'].map((change) => ({
    name: `left_${table}_${change.toLowerCase()}`,
    on: `${change} ON ${table}`,
  })),
);

function versionIn(sql: Sql): number {
  return sql('PRAGMA user_version').pluck().get() as number;
}

function departureIn(sql: Sql): Departure {
  return sql('SELECT id, target AS "to", step FROM departure').get() as Departure;
}

/** Of a database that was left by a program with another schema nothing is read. */
export function isLeft(database: Database, version: number): boolean {
  if (database.pragma('user_version', { simple: true }) !== LEFT_VERSION) return false;
  return database.prepare('SELECT version FROM departure').pluck().get() === version;
}

export function leftDatabase(file: string, database: Database): StoreError {
  return leftStore(
    file,
    departureIn((text) => database.prepare(text)),
  );
}
