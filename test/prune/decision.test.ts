import { describe, expect, test } from 'vitest';
import { refusePrune } from '../../src/prune/decision.ts';

const DAY_MS = 86_400_000;
const NOW_MS = 1_800_000_000_000;

describe('what may be removed without --force', () => {
  test.each<[devices: number, removed: number, daysAgo: number | undefined, want: string | undefined]>([
    // Nothing to remove: no reason to refuse, however long nobody has registered.
    [0, 0, undefined, undefined],
    [1, 0, 9, undefined],
    [30, 0, 9, undefined],
    // One device: it is all of them.
    [1, 1, 0, 'most, small'],
    [1, 1, 11, 'silence, small'],
    // Two: one may go, while the other registers.
    [2, 1, 0, undefined],
    [2, 1, 3, 'silence, small'],
    [2, 2, 30, 'silence, small'],
    // Three: one may go, two are most.
    [3, 1, 1, undefined],
    [3, 2, 1, 'most, small'],
    [3, 3, 30, 'silence, small'],
    [4, 2, 0, undefined],
    [4, 3, 0, 'most'],
    [30, 15, 0, undefined],
    [30, 16, 0, 'most'],
    [30, 29, 0, 'most'],
    // The clock is ahead, and nobody has registered by it.
    [30, 30, 30, 'silence'],
    [30, 1, 2.001, 'silence'],
    [30, 1, 2, undefined],
    // The clock was ahead once: what is in the future counts as now.
    [30, 1, -20, undefined],
    [30, 16, -20, 'most'],
  ])('%i devices, %i to remove, the last registration %s days ago: %s', (devices, removed, daysAgo, want) => {
    const renewedMs = daysAgo === undefined ? undefined : NOW_MS - daysAgo * DAY_MS;
    const refusal = refusePrune({ devices, removed, renewedMs, nowMs: NOW_MS });
    expect(refusal && `${refusal.reason}${refusal.small ? ', small' : ''}`).toBe(want);
  });
});
