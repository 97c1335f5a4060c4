import type { PostgresConfig } from '../../config/config.ts';
import type { OpenOptions } from '../configured.ts';
import type { Store } from '../store.ts';
import { type DatabaseOptions, openDatabase } from './database.ts';
import { postgresStore } from './store.ts';

/** A door waits for the statement at most so long before the event goes into the spool. */
const OF_SERVE: Omit<DatabaseOptions, 'create' | 'left'> = {
  patience: { connectMs: 2000, statementMs: 5000 },
  connections: 8,
};

/** A person waits for the whole of a large list. */
const OF_COMMANDS: Omit<DatabaseOptions, 'create' | 'left'> = {
  patience: { connectMs: 5000, statementMs: 300_000 },
  connections: 2,
};

/** Throws OperatorError where the URL, or a file that it names, cannot be used. */
export function openPostgres(config: PostgresConfig, { create, batched = false, left }: OpenOptions): Store {
  return postgresStore(openDatabase(config, { create, left, ...(batched ? OF_SERVE : OF_COMMANDS) }));
}
