import { setTimeout as pause } from 'node:timers/promises';
import type { PostgresConfig } from '../../config/config.ts';
import { type Connections, connectionsTo, type Patience, SERVER_FIRST_MS } from './connection.ts';
import type { Left } from '../move.ts';
import { isCollision, isLost, postgresError } from './errors.ts';
import { migrate } from './migrations.ts';
import { createPreparation } from './preparation.ts';
import { Away, createReach } from './reach.ts';
import { createServerClock } from './server-clock.ts';
import { createTurns } from './turns.ts';
import { type Values, withValues } from './statement.ts';

/** Statements on one connection. Names such as `@nowMs` stand for values. */
export interface Sql {
  rows: <T>(text: string, values?: Values) => Promise<T[]>;
  /** The first row; undefined where there is none. */
  row: <T>(text: string, values?: Values) => Promise<T | undefined>;
  /** How many rows it has changed. Where a time is named, it is waited for so long. */
  change: (text: string, values?: Values, waitMs?: number) => Promise<number>;
}

/** One PostgreSQL, in transactions. */
export interface Database {
  /** What this host is called, where the configuration says it. */
  host: string | undefined;
  /** Its URL, which holds no secret. */
  readonly name: string;
  /** Runs statements that are each a transaction. */
  ask: <T>(body: (sql: Sql) => Promise<T>) => Promise<T>;
  /** Runs one transaction. Where it is durable it survives a power cut of the server. */
  transact: <T>(body: (sql: Sql) => Promise<T>, options?: { durable: boolean }) => Promise<T>;
  /** How far the server's clock is ahead of this host's, as it was found last; 0 where they agree. */
  clockAheadMs: () => number;
  connections: Connections;
  close: () => void;
}

/** A write that a power cut may undo: it is done again, or means nothing any more. */
export const MAY_BE_LOST = { durable: false };

export interface DatabaseOptions {
  /** Make the schema, or bring it to the version of this program. Commands that only look must not make it. */
  create: boolean;
  patience: Patience;
  /** At most so many connections. */
  connections: number;
  /** Also one that was left for another store. */
  left?: Left | undefined;
}

/** How often a transaction is run that another is in the way of, or whose connection was cut. */
const TRIES = 5;
const LONGEST_PAUSE_MS = 50;

/** Connects when it is first asked for something. Throws OperatorError where the configuration of it cannot be used. */
export function openDatabase(config: PostgresConfig, options: DatabaseOptions): Database {
  const connections = connectionsTo(config, options.patience, options.connections);
  const name = config.url;
  const clock = createServerClock();
  const reach = createReach();
  const prepare = createPreparation(
    (sql: Sql) => migrate(sql, name, options).then(() => clock.look(sql)),
    options.patience.statementMs,
    name,
  );
  const inTurn = createTurns(options.connections);
  const once = async <T>(body: (sql: Sql) => Promise<T>): Promise<T> => {
    const client = await reach.unlessAway(() => connections.take(), connections.hasIdle);
    let failure: unknown;
    try {
      const sql = sqlOn(client);
      await prepare(sql);
      if (clock.isDue()) await clock.look(sql);
      return await body(sql);
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      client.release(failure !== undefined && isLost(failure));
    }
  };
  const ask: Database['ask'] = (body) => again(() => inTurn(() => once(body))).catch(failFor(name));
  return {
    name,
    host: config.host,
    ask,
    transact: (body, { durable } = { durable: true }) => ask((sql) => transacted(sql, body, durable)),
    clockAheadMs: () => clock.aheadMs(),
    connections,
    close: () => void connections.end().catch(() => undefined),
  };
}

function failFor(name: string): (error: unknown) => never {
  return (error) => {
    throw postgresError(name, error instanceof Away ? error.cause : error);
  };
}

function sqlOn(client: {
  query: (query: { text: string; values?: unknown[]; query_timeout?: number }) => Promise<QueryResult>;
}): Sql {
  const run = (text: string, values: Values = {}, waitMs?: number): Promise<QueryResult> =>
    client.query({
      ...withValues(text, values),
      ...(waitMs !== undefined && { query_timeout: waitMs + SERVER_FIRST_MS }),
    });
  return {
    rows: async <T>(text: string, values?: Values) => (await run(text, values)).rows as T[],
    row: async <T>(text: string, values?: Values) => (await run(text, values)).rows[0] as T | undefined,
    change: async (text, values, waitMs) => (await run(text, values, waitMs)).rowCount ?? 0,
  };
}

interface QueryResult {
  rows: unknown[];
  rowCount: number | null;
}

async function transacted<T>(sql: Sql, body: (sql: Sql) => Promise<T>, durable: boolean): Promise<T> {
  await sql.change(durable ? 'BEGIN' : 'BEGIN; SET LOCAL synchronous_commit = off');
  try {
    const value = await body(sql);
    await sql.change('COMMIT');
    return value;
  } catch (error) {
    if (!isLost(error)) await sql.change('ROLLBACK').catch(() => undefined); // the first error is the one to tell
    throw error;
  }
}

async function again<T>(body: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await body();
    } catch (error) {
      if (tries === TRIES || !(isCollision(error) || isCut(error))) throw error;
      await pause(Math.random() * LONGEST_PAUSE_MS);
    }
  }
}

/** Of one that was open, as when the server is started anew. A transaction whose commit was not heard is run again. */
function isCut(error: unknown): boolean {
  return isLost(error) && !/timeout/.test(String(error));
}
