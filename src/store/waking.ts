/** A push that fails although others get through is its own trouble, neither the connection's nor Apple's. */
export const WOKEN_ATTEMPTS = 5;
export const WOKEN_INTERVAL_MS = 5 * 60_000;

/** Apple counts as away when no push has got through for so long: whatever waits has failed in that time. */
export const OUTAGE_MS = 60_000;

/** No wait is longer: the configuration takes 24d at most (config/schema.ts), and a back-off is of an hour. */
export const LONGEST_WAIT_MS = 24 * 24 * 60 * 60_000;
