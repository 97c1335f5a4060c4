import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 collect garbage sooner rather than grow, for a process that stays: what one event or push needs is gone with
 * its answer, and all else is in the database. The old generation doubles at most; the size of the young one has an
 * effect at the start only, and is in the launcher.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--heap-growing-percent=100'); // read at each collection
}
