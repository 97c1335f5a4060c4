import type { Clock } from '../process/clock.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { Store } from '../store/store.ts';
import { credentialMetrics } from './credential-health.ts';
import { storeFigures } from './figures.ts';
import type { MetricsState } from './metrics.ts';
import type { NoticeChore } from './notice-chore.ts';

/** What the metrics say of the store and of the way to Apple. */
export async function stateOf(
  store: Store,
  delivery: Delivery,
  notices: Pick<NoticeChore, 'figures'>,
  clock: Clock,
): Promise<MetricsState> {
  const { targets, collections, waiting, oldestMs } = await storeFigures(store);
  const nowMs = clock.nowMs();
  return {
    targets,
    collections,
    waitingRows: waiting,
    oldestMs: oldestMs === undefined ? 0 : Math.max(0, nowMs - oldestMs),
    connections: delivery.connections(),
    lastSuccessMs: await store.lastSuccessMs(nowMs),
    ...credentialMetrics(delivery.credentials()),
    notices: await notices.figures(),
  };
}
