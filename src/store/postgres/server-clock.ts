import type { Sql } from './database.ts';

/** How far the server's clock is ahead of this host's. */
export interface ServerClock {
  aheadMs(): number;
  isDue(): boolean;
  look(sql: Sql): Promise<void>;
}

/** In SQL: what the server's clock says. */
export const SERVER_MS = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

const INTERVAL_MS = 60_000;

/** Clocks that NTP keeps differ by less; and a lease or a throttle is far longer. */
const NEGLIGIBLE_MS = 1000;

/** Compares the clocks now and then. All hosts of a store go by the server's, as far as they differ from it. */
export function createServerClock(): ServerClock {
  let aheadMs = 0;
  let lookedMs = -Infinity; // by a clock that nobody sets
  return {
    aheadMs: () => aheadMs,
    isDue: () => performance.now() - lookedMs >= INTERVAL_MS,
    look: async (sql) => {
      lookedMs = performance.now();
      const sentMs = Date.now();
      const now = await sql.row<{ ms: number }>(`SELECT ${SERVER_MS} AS ms`);
      const heardMs = Date.now();
      if (now === undefined || heardMs - sentMs >= NEGLIGIBLE_MS) return; // too slow to tell
      const foundMs = Math.round(now.ms - (sentMs + heardMs) / 2);
      aheadMs = Math.abs(foundMs) < NEGLIGIBLE_MS ? 0 : foundMs;
    },
  };
}
