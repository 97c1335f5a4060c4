import { CLOCK_TOLERANCE_MS, LEASE_MS } from '../outbox/timing.ts';

/**
 * In SQL, with @nowMs: nobody is sending this row. A lease that ends much later than one which begins now was taken
 * while the clock was ahead.
 */
export const FREE = `(lease_owner IS NULL OR lease_until_ms <= @nowMs
  OR lease_until_ms > @nowMs + ${LEASE_MS + CLOCK_TOLERANCE_MS})`;

/** In SQL, with @nowMs: the state of a row that waits. */
export const STATE = `CASE WHEN NOT ${FREE} THEN 'sending' ELSE coalesce(held_by, 'new') END`;
