/** A lease outlives the slowest answer by far, so that only the rows of the dead are taken over. */
export const LEASE_MS = 30_000;

/**
 * An instant so little ahead is believed: another process read its clock while this one, which had read its own, waited
 * for the database.
 */
export const CLOCK_TOLERANCE_MS = 60_000;

/**
 * In SQL, with @nowMs: nobody is sending this row. A lease that ends much later than one which begins now was taken
 * while the clock was ahead.
 */
export const FREE = `(lease_owner IS NULL OR lease_until_ms <= @nowMs
  OR lease_until_ms > @nowMs + ${LEASE_MS + CLOCK_TOLERANCE_MS})`;
