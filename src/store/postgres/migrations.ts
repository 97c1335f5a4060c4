import { VERSION } from '../../process/installation.ts';
import { StoreError } from '../errors.ts';
import { type Left, leftStore, LEFT_VERSION } from '../move.ts';
import type { Sql } from './database.ts';
import { departureIn } from './departure.ts';
import { MIGRATIONS } from './schema.ts';

export const CURRENT_VERSION = MIGRATIONS.length;

/** Of pg_advisory_xact_lock: "xapp" in ASCII, as for SQLite; one host at a time brings the schema up to date. */
const LOCK = 0x78617070;

/** With a million devices an index takes many times what serve lets a statement take. */
const LONG_MS = 600_000;

/** Registrations queue behind it while it waits for those under way; they are given up after as long. */
const LOCKED_WAIT_MS = 5000;

/**
 * Makes the schema, or brings it to the version of this program, all or nothing. Throws StoreError for one of a newer
 * program, and for one that is not there where it is not to be made.
 */
export async function migrate(sql: Sql, name: string, { create, left }: MigrateOptions): Promise<void> {
  const found = await versionIn(sql);
  if (found === CURRENT_VERSION) return;
  if (found === LEFT_VERSION && (await mayOpen(sql, left))) return;
  await refuseUnknown(sql, name, found);
  if (found === 0 && !create) throw missing(name);
  await sql.change('BEGIN');
  try {
    await sql.change('SELECT pg_advisory_xact_lock(@lock)', { lock: LOCK });
    const version = await versionIn(sql); // another host may have been faster
    await refuseUnknown(sql, name, version);
    await keepOthersOut(sql, version);
    await sql.change(`SET LOCAL statement_timeout = ${LONG_MS}`);
    for (const [index, text] of MIGRATIONS.entries()) if (index >= version) await apply(sql, index + 1, text);
    await sql.change('COMMIT');
  } catch (error) {
    await sql.change('ROLLBACK').catch(() => undefined); // the first error is the one to tell
    throw error;
  }
}

export interface MigrateOptions {
  create: boolean;
  /** Also one that was left for another store. */
  left?: Left | undefined;
}

/**
 * A registration takes this table first, and migrations the others before it: whoever registers waits here then, holding
 * nothing that a migration wants.
 */
async function keepOthersOut(sql: Sql, version: number): Promise<void> {
  if (version === 0 || version === CURRENT_VERSION) return;
  await sql.change(`SET LOCAL lock_timeout = ${LOCKED_WAIT_MS}`);
  await sql.change('LOCK TABLE xapplepush.targets IN ACCESS EXCLUSIVE MODE');
}

async function refuseUnknown(sql: Sql, name: string, version: number): Promise<void> {
  if (version <= CURRENT_VERSION) return;
  const left = version === LEFT_VERSION ? await departureIn(sql) : undefined;
  if (left === undefined) throw newer(name, version);
  throw leftStore(name, left, { isOtherSchema: !(await isOfThis(sql)) });
}

async function mayOpen(sql: Sql, left: Left | undefined): Promise<boolean> {
  return left === 'any schema' || (left === 'this schema' && (await isOfThis(sql)));
}

/** Whether the schema of one that was left is this program's. */
async function isOfThis(sql: Sql): Promise<boolean> {
  const beneath = await sql.row<{ version: number }>(
    'SELECT max(version) AS version FROM xapplepush.migrations WHERE version <> @left',
    { left: LEFT_VERSION },
  );
  return beneath?.version === CURRENT_VERSION;
}

/**
 * 0 where there is no schema yet. The catalogue is read for that: to_regclass() would go by what this session knew of it
 * before another one made the schema.
 */
async function versionIn(sql: Sql): Promise<number> {
  const known = await sql.row<{ exists: boolean }>(
    `SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = 'xapplepush' AND tablename = 'migrations')
       AS exists`,
  );
  if (known?.exists !== true) return 0;
  const row = await sql.row<{ version: number }>(
    'SELECT coalesce(max(version), 0) AS version FROM xapplepush.migrations',
  );
  return row?.version ?? 0;
}

async function apply(sql: Sql, version: number, text: string): Promise<void> {
  await sql.change(text, undefined, LONG_MS);
  await sql.change(
    'INSERT INTO xapplepush.migrations (version, applied_ms, program) VALUES (@version, @appliedMs, @program)',
    { version, appliedMs: Date.now(), program: VERSION },
  );
}

function newer(name: string, version: number): StoreError {
  return new StoreError(
    `database ${name} has version ${version}; this program knows versions up to ${CURRENT_VERSION}`,
    { hint: 'install the xapplepush that wrote it, or a newer one', cause: undefined },
  );
}

function missing(name: string): StoreError {
  return new StoreError(`database ${name} has no schema xapplepush yet`, {
    hint: 'the first serve makes it: start xapplepush serve',
    cause: undefined,
  });
}
