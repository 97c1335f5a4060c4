import { KEPT_EXPIRED_MS } from '../store/intake.ts';
import type { Store } from '../store/store.ts';
import type { TargetFilter } from '../targets/record.ts';
import { HEARD_MS, type Refusal, refusePrune } from './decision.ts';
import { unusedTopics } from './topics.ts';

/** Some targets that are to go, and what they must still match when they do. */
export interface Part {
  filter: TargetFilter;
  ids: number[];
}

/** Who is to go, before anybody does. */
export interface Plan {
  silent: Part;
  /** Calendars and address books that ran out a day ago or earlier. */
  expired: Part;
  /** Undefined where unused topics are not asked for. */
  topics: (Part & { topic: string })[] | undefined;
  /** Why it must not be carried out without `--force`. */
  refusal: Refusal | undefined;
}

/** Counts who would go: those not renewed since, and those of topics that are not `own`, where that is given. */
export async function planPrune(
  store: Store,
  {
    renewedBeforeMs,
    own,
    nowMs,
  }: { renewedBeforeMs: number; own: ReadonlySet<string> | undefined; nowMs: number },
): Promise<Plan> {
  const silent = await partOf(store, { renewedBeforeMs, ofMail: true });
  const expired = await expiredPart(store, nowMs);
  const topics = own && (await topicParts(store, own, renewedBeforeMs, nowMs));
  const removed = [silent, ...(topics ?? [])].reduce((sum, { ids }) => sum + ids.length, 0);
  const { targets: devices } = await store.countTargets();
  const renewedMs = await store.lastRegistered(nowMs, { ofMail: true });
  return { silent, expired, topics, refusal: refusePrune({ devices, renewedMs, removed, nowMs }) };
}

/** None while nobody at all registers: then the clock is more likely ahead. */
async function expiredPart(store: Store, nowMs: number): Promise<Part> {
  const filter = { expiredBeforeMs: nowMs - KEPT_EXPIRED_MS };
  const isHeard = ((await store.lastRegistered(nowMs)) ?? -Infinity) >= nowMs - HEARD_MS;
  return isHeard ? partOf(store, filter) : { filter, ids: [] };
}

async function partOf(store: Store, filter: TargetFilter): Promise<Part> {
  return { filter, ids: await store.targetIds(filter) };
}

/** Without those that are too old besides: they go anyhow. */
async function topicParts(
  store: Store,
  own: ReadonlySet<string>,
  renewedBeforeMs: number,
  nowMs: number,
): Promise<(Part & { topic: string })[]> {
  const parts: (Part & { topic: string })[] = [];
  for (const { topic } of unusedTopics(await store.topicsInUse(), own, nowMs)) {
    const filter = {
      topic,
      topicUnusedSinceMs: nowMs,
      renewedSinceMs: renewedBeforeMs,
      ofMail: true as const,
    };
    const part = await partOf(store, filter);
    if (part.ids.length > 0) parts.push({ ...part, topic });
  }
  return parts;
}
