import { findEndpoints, removeEndpointsInTurns } from '../endpoints/pages.ts';
import { LISTED_OBJECTS, recordRemoval } from '../endpoints/remove.ts';
import { openHistory } from '../history/history.ts';
import type { EndpointFilter } from '../store/endpoints.ts';
import { KEPT_EXPIRED_MS } from '../store/intake.ts';
import type { Store } from '../store/store.ts';
import { HEARD_MS } from './decision.ts';
import type { PruneOptions } from './prune.ts';

interface Times {
  nowMs: number;
  renewedBeforeMs: number;
}

/**
 * Removes endpoints that ran out a day ago or earlier, and those that no service has ever taken a notice for and that
 * have not registered again for as long as devices may be silent. Others never register again, as browsers do not: that
 * they are gone their service alone can say. Gives how many; in a rehearsal how many they would be.
 */
export async function pruneEndpoints(store: Store, options: PruneOptions, times: Times): Promise<number> {
  if (!options.force && !(await isHeard(store, times.nowMs))) return 0;
  const filters: EndpointFilter[] = [
    { expiredBeforeMs: times.nowMs - KEPT_EXPIRED_MS },
    { isUnproven: true, renewedBeforeMs: times.renewedBeforeMs },
  ];
  const ids = new Set<number>();
  for (const filter of filters) for (const id of await pruneSome(store, filter, options)) ids.add(id);
  return ids.size;
}

/** Where there are devices and none of them registers, the clock is more likely ahead. */
async function isHeard(store: Store, nowMs: number): Promise<boolean> {
  const latestMs = await store.lastRegistered(nowMs);
  return latestMs === undefined || latestMs >= nowMs - HEARD_MS;
}

async function pruneSome(
  store: Store,
  filter: EndpointFilter,
  options: PruneOptions,
): Promise<readonly number[]> {
  const { clock, dryRun } = options;
  const { ids } = await findEndpoints(store, filter, 0);
  if (dryRun || ids.length === 0) return ids;
  const removal = await removeEndpointsInTurns(store, ids, { filter, listedMax: LISTED_OBJECTS, clock });
  recordRemoval(openHistory(options), removal, 'pruned', clock.nowMs());
  return ids;
}
