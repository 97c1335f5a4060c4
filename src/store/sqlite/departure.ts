import type { StoreError } from '../errors.ts';
import { type Departure, type Left, LEFT_TABLES, LEFT_VERSION, leftStore } from '../move.ts';
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
    const triggers = sql(OWN_TRIGGERS).pluck().all() as string[];
    for (const name of triggers) sql(`DROP TRIGGER ${name}`).run();
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

/** As they are, perhaps made by another version. */
const OWN_TRIGGERS = `SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name GLOB 'left_*'`;

function versionIn(sql: Sql): number {
  return sql('PRAGMA user_version').pluck().get() as number;
}

function departureIn(sql: Sql): Departure {
  return sql('SELECT id, target AS "to", step FROM departure').get() as Departure;
}

/** Whether it was left, and may be opened so. Of one with another schema nothing is read. */
export function isLeft(database: Database, version: number, left: Left | undefined): boolean {
  if (left === undefined || database.pragma('user_version', { simple: true }) !== LEFT_VERSION) return false;
  return left === 'any schema' || versionBeneath(database) === version;
}

function versionBeneath(database: Database): unknown {
  return database.prepare('SELECT version FROM departure').pluck().get();
}

export function leftDatabase(file: string, database: Database, version: number): StoreError {
  const departure = departureIn((text) => database.prepare(text));
  return leftStore(file, departure, { isOtherSchema: versionBeneath(database) !== version });
}
