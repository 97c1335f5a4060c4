import type { Store } from '../../store/store.ts';

/** In one transaction. */
const PAGE = 500;

/** Takes the pushes after those that have come before: what the other store has sent since does not wait there again. */
export async function takePushes(
  source: Store,
  target: Store,
  id: string,
  shown: (done: number) => void,
): Promise<void> {
  const before = await target.arrival(id);
  let [afterTargetId, done] = [before?.afterTargetId ?? 0, before?.pushes ?? 0];
  for (;;) {
    const page = await source.movingPushes(afterTargetId, PAGE);
    const last = page.at(-1);
    if (last === undefined) return;
    afterTargetId = last.targetId;
    await target.arrive({ id, afterTargetId }, page);
    shown((done += page.length));
  }
}
