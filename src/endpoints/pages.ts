import type { Clock } from '../process/clock.ts';
import { inTurns } from '../process/turns.ts';
import type { Endpoint } from '../services/endpoint.ts';
import type { EndpointFilter } from '../store/endpoints.ts';
import type { Store } from '../store/store.ts';

/** How many endpoints are read in one transaction: a long one keeps the write-ahead log from being emptied. */
const PAGE_ROWS = 500;

/** Those that match, page by page, by their ids: the oldest first. */
export async function* endpointPages(
  store: Pick<Store, 'listEndpoints'>,
  filter: EndpointFilter,
): AsyncGenerator<Endpoint[]> {
  let afterId = 0;
  for (;;) {
    const page = await store.listEndpoints(filter, { afterId, limit: PAGE_ROWS });
    const last = page.at(-1);
    if (last === undefined) return;
    afterId = last.id;
    yield page;
  }
}

/** Those that match, and the first of them as they are. */
export interface FoundEndpoints {
  ids: number[];
  listed: Endpoint[];
}

export async function findEndpoints(
  store: Store,
  filter: EndpointFilter,
  listedMax: number,
): Promise<FoundEndpoints> {
  const found: FoundEndpoints = { ids: [], listed: [] };
  for await (const page of endpointPages(store, filter)) {
    found.ids.push(...page.map(({ id }) => id));
    found.listed.push(...page.slice(0, listedMax - found.listed.length));
  }
  return found;
}

/** What a person is shown of a removal. */
export interface EndpointRemoval {
  count: number;
  /** The first of those that were removed. */
  listed: Endpoint[];
}

/**
 * Removes those of these endpoints that still match, with what waits for them. In short transactions, so that events do
 * not wait. Where it throws, part is done.
 */
export async function removeEndpointsInTurns(
  store: Store,
  ids: readonly number[],
  { filter, listedMax, clock }: { filter: EndpointFilter; listedMax: number; clock: Clock },
): Promise<EndpointRemoval> {
  const removal: EndpointRemoval = { count: 0, listed: [] };
  let at = 0;
  await inTurns(async (size) => {
    const removed = await store.removeEndpoints({ ...filter, ids: ids.slice(at, at + size) });
    at += size;
    removal.count += removed.length;
    removal.listed.push(...removed.slice(0, listedMax - removal.listed.length));
    return at < ids.length;
  }, clock);
  return removal;
}
