import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Store } from '../store/store.ts';

/** Rows that are looked at in one go: about a millisecond's work, so that no event waits longer for its turn. */
const PIECE_ROWS = 2500;

/**
 * When the first event of the oldest waiting push came, in milliseconds since the epoch; undefined where none waits. In
 * short looks with the event loop's turns between them: there may be a million.
 */
export async function oldestWaitingMs(store: Store): Promise<number | undefined> {
  let oldestMs: number | undefined;
  for (let after = 0; ;) {
    const piece = await store.oldestWaiting(after, PIECE_ROWS);
    if (piece === undefined) return oldestMs;
    oldestMs = Math.min(oldestMs ?? piece.oldestMs, piece.oldestMs);
    after = piece.last;
    await nextTurn();
  }
}
