import type { Clock } from '../process/clock.ts';
import { StoreError } from '../store/errors.ts';
import type { Store } from '../store/store.ts';

export type DictStore = Pick<
  Store,
  'metadataValue' | 'metadataUnder' | 'changeMetadata' | 'registerEndpoint' | 'removeEndpoints'
>;

export type Work<T> = (store: DictStore, nowMs: number) => Promise<T>;

export interface DictUse {
  /** Does it with the store, by its clock; it stays open meanwhile. Rejects with StoreError where it cannot be used. */
  use: <T>(work: Work<T>) => Promise<T>;
  clock: Clock;
}

/** So long it is tried where another process holds the database; less than the session waits for an answer. */
const PATIENCE_MS = 2000;
const RETRY_MS = 50;

/** Tries it again where another process holds the database: a failure is a line in Dovecot's log. */
export async function patiently<T>({ use, clock }: DictUse, work: Work<T>): Promise<T> {
  const untilMs = clock.steadyMs() + PATIENCE_MS;
  for (;;) {
    try {
      return await use(work);
    } catch (error) {
      const mayPass = error instanceof StoreError && error.busy && clock.steadyMs() < untilMs;
      if (!mayPass) throw error;
      await clock.sleep(RETRY_MS);
    }
  }
}
