import type { Config } from '../config/config.ts';
import type { Log } from '../process/log.ts';
import type { Left } from './move.ts';
import { openStore } from './open.ts';
import type { Store } from './store.ts';

/** What names a store: a file, or a PostgreSQL. */
export type StoreConfig = Pick<Config, 'store' | 'postgres'>;

export interface OpenOptions {
  /** Make what is not there, or bring it to this program's version. Commands that only look must not make it. */
  create: boolean;
  log?: Pick<Log, 'warn'>;
  /** How long is waited for another process, or for a connection, in milliseconds. */
  busyTimeoutMs?: number;
  /** For `serve`, which takes many events a second and has a spool for what takes long. */
  batched?: boolean;
  /** For who moves it: also one that was left for another, with this program's schema or, to stay with it, with any. */
  left?: Left;
}

/**
 * Opens the store of the configuration. Throws an OperatorError that says why it cannot be used; a PostgreSQL is
 * connected to, and says so, when the first verb is called.
 */
export async function openConfigured({ store, postgres }: StoreConfig, options: OpenOptions): Promise<Store> {
  if (postgres === undefined) return openStore(store, options);
  const { openPostgres } = await import('./postgres/open.ts');
  return openPostgres(postgres, options);
}

/** What commands do: with the store if there is one, which they never make: they may run as a user of their own. */
export async function withStore<T>(config: StoreConfig, body: (store: Store) => Promise<T>): Promise<T> {
  const store = await openConfigured(config, { create: false });
  try {
    return await body(store);
  } finally {
    store.close();
  }
}
