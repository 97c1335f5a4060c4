import { VERSION } from '../../process/installation.ts';
import { type Departure, LEFT_TABLES, LEFT_VERSION } from '../move.ts';
import type { Database, Sql } from './database.ts';
import { LEFT } from './errors.ts';

export function departure(database: Database): Promise<Departure | undefined> {
  return database.ask(departureIn);
}

export async function departureIn(sql: Sql): Promise<Departure | undefined> {
  const known = await sql.row<{ exists: boolean }>(
    `SELECT to_regclass('xapplepush.departure') IS NOT NULL AS exists`,
  );
  if (known?.exists !== true) return undefined;
  return sql.row<Departure>('SELECT id, target AS "to", step FROM xapplepush.departure');
}

/** By triggers, which those too run into that have it open; by its version, whoever opens it. */
const DEPART = [
  'CREATE TABLE xapplepush.departure (id text, target text, step text)',
  'INSERT INTO xapplepush.departure DEFAULT VALUES',
  `CREATE FUNCTION xapplepush.refuse_change() RETURNS trigger LANGUAGE plpgsql AS
   $$ BEGIN RAISE EXCEPTION '${LEFT}'; END $$`,
  ...LEFT_TABLES.map(
    (table) => `CREATE TRIGGER is_left BEFORE INSERT OR UPDATE OR DELETE ON xapplepush.${table}
      FOR EACH STATEMENT EXECUTE FUNCTION xapplepush.refuse_change()`,
  ),
];

export function depart(database: Database, { id, to, step }: Departure): Promise<void> {
  return database.transact(async (sql) => {
    if ((await departureIn(sql)) === undefined) {
      for (const text of DEPART) await sql.change(text);
      await sql.change(
        'INSERT INTO xapplepush.migrations (version, applied_ms, program) VALUES (@version, @appliedMs, @program)',
        { version: LEFT_VERSION, appliedMs: Date.now(), program: VERSION },
      );
    }
    await sql.change('UPDATE xapplepush.departure SET id = @id, target = @to, step = @step', {
      ...{ id, to, step },
    });
  });
}

export function stay(database: Database): Promise<void> {
  return database.transact(async (sql) => {
    if ((await departureIn(sql)) === undefined) return;
    await sql.change('DROP TABLE xapplepush.departure');
    await sql.change('DROP FUNCTION xapplepush.refuse_change CASCADE');
    await sql.change('DELETE FROM xapplepush.migrations WHERE version = @version', { version: LEFT_VERSION });
  });
}
