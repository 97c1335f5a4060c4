import type { Store } from './store.ts';
import type { Config } from '../config/config.ts';
import type { Log } from '../process/log.ts';
import type { StoreError } from './errors.ts';

export interface StoreOnce {
  /** Opens it at the first call; throws again what `fail` was given, so that trouble is waited for once. */
  get: () => Promise<Store>;
  fail: (error: StoreError) => void;
  close: () => void;
  /**
   * In place of `close`, just before the process ends: the last to close the database writes the log into it and waits
   * for the disk, which whoever has it open next may as well do (https://sqlite.org/wal.html, 2.3).
   */
  leaveOpen: () => void;
}

/** For a process of one event: a database in a file is opened when it is needed, and one that hosts share never. */
export async function openForEvents(
  { store, postgres }: Pick<Config, 'store' | 'postgres'>,
  busyTimeoutMs: number,
  log: Log,
): Promise<StoreOnce> {
  if (postgres === undefined) return openOnce(store, busyTimeoutMs, log);
  const { leftToServe } = await import('./left-to-serve.ts');
  return leftToServe(postgres.url);
}

/** A database that is made and opened, and its driver loaded, only when the first event needs it. */
export function openOnce(file: string, busyTimeoutMs: number, log?: Log): StoreOnce {
  let store: Store | undefined;
  let trouble: StoreError | undefined;
  let isLeftOpen = false;
  return {
    get: async () => {
      if (trouble !== undefined) throw trouble;
      if (store !== undefined) return store;
      const { openStore } = await import('./open.ts');
      return (store ??= openStore(file, { create: true, busyTimeoutMs, ...(log && { log }) }));
    },
    fail: (error) => (trouble = error),
    close: () => {
      if (!isLeftOpen) store?.close();
    },
    leaveOpen: () => {
      isLeftOpen = true;
    },
  };
}
