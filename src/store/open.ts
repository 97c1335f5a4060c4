import { type OpenOptions, openDatabase } from './sqlite/database.ts';
import { sqliteStore } from './sqlite/store.ts';
import type { Store } from './store.ts';

/**
 * Opens the store, made or migrated first where that is due.
 * Throws an OperatorError (exit 75) that says why it cannot be used.
 */
export function openStore(file: string, options: OpenOptions): Store {
  return sqliteStore(openDatabase(file, options));
}
