import { type MetadataPlace, type MovingMetadata, serviceArrivals } from '../../store/moving-services.ts';
import type { Store } from '../../store/store.ts';
import type { Count } from './compared.ts';

/** In one transaction. */
const PAGE = 500;

/**
 * Takes what other push services need: the endpoints after those that have come before, with what waits for them, so
 * that what was sent there since does not wait again; and METADATA, of which the later change holds. Only a `serve` sends
 * notices, and none is there: what is leased was a dead one's.
 */
export async function takeServices(source: Store, target: Store, moveId: string): Promise<void> {
  const ids = serviceArrivals(moveId);
  let afterId = (await target.arrival(ids.endpoints))?.afterTargetId ?? 0;
  for (;;) {
    const endpoints = await source.listEndpoints({}, { afterId, limit: PAGE });
    const last = endpoints.at(-1);
    if (last === undefined) break;
    afterId = last.id;
    const notices = await source.movingNotices(endpoints.map(({ id }) => id));
    await target.takeEndpoints({ ids, afterId }, endpoints, notices);
  }
  for await (const entries of metadataPages(source)) await target.takeMetadata(entries);
}

export async function forgetServices(target: Store, moveId: string): Promise<void> {
  const { endpoints, notices } = serviceArrivals(moveId);
  await target.forgetArrival(endpoints);
  await target.forgetArrival(notices);
}

export interface ComparedServices {
  /** What came, also where it was removed since. Each is absent where there is none here. */
  endpoints?: Count;
  /** What came, also where it has been sent since. */
  notices?: Count;
  metadata?: Count;
}

export async function compareServices(
  source: Store,
  target: Store,
  moveId: string,
): Promise<ComparedServices> {
  const ids = serviceArrivals(moveId);
  const came = async (id: string): Promise<number> => (await target.arrival(id))?.pushes ?? 0;
  const counts = {
    endpoints: { here: await countEndpoints(source), there: await came(ids.endpoints) },
    notices: { here: (await source.countNotices()).notices, there: await came(ids.notices) },
    metadata: await compareMetadata(source, target),
  };
  return Object.fromEntries(Object.entries(counts).filter(([, { here }]) => here > 0));
}

/** Those that have run out too. */
async function countEndpoints(store: Store): Promise<number> {
  return Object.values(await store.countEndpoints(0)).reduce((sum, { endpoints }) => sum + endpoints, 0);
}

/** The entries of one user are together, and not too many for the memory. */
async function compareMetadata(source: Store, target: Store): Promise<Count> {
  const count = { here: 0, there: 0 };
  let known = { user: undefined as string | undefined, keys: new Set<string>() };
  for await (const entries of metadataPages(source))
    for (const { user, key } of entries) {
      if (known.user !== user) known = { user, keys: await keysOf(target, user) };
      count.here += 1;
      if (known.keys.has(key)) count.there += 1;
    }
  return count;
}

async function keysOf(store: Store, user: string): Promise<Set<string>> {
  return new Set((await store.metadataUnder(user, '')).map(({ key }) => key));
}

async function* metadataPages(store: Store): AsyncGenerator<MovingMetadata[]> {
  let after: MetadataPlace = { user: '', key: '' };
  for (;;) {
    const page = await store.movingMetadata(after, PAGE);
    const last = page.at(-1);
    if (last === undefined) return;
    after = last;
    yield page;
  }
}
