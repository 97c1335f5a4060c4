import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CHANGE_NAMES } from '../../src/events/mail-event.ts';
import { AT_ONCE, dueMs } from '../../src/outbox/timing.ts';

const TIMING = { throttleMs: 5000, housekeepingDelayMs: 30_000 };
const NOW_MS = 1_700_000_000_000;

describe('dueMs', () => {
  test.each([
    ['new mail goes at once', 'MessageNew', null, 0],
    ['a burst waits for the end of the window', 'MessageNew', NOW_MS - 1000, 4000],
    ['long after the latest push new mail goes at once', 'MessageNew', NOW_MS - 60_000, 0],
    ['what is read elsewhere waits', 'MessageRead', null, 30_000],
    ['a move waits', 'MessageMove', null, 30_000],
    ['housekeeping waits its own time, not the window on top', 'FlagsClear', NOW_MS - 1000, 30_000],
  ] as const)('%s', (_what, event, lastPushMs, waitMs) => {
    expect(dueMs({ event }, NOW_MS, lastPushMs, TIMING)).toBe(NOW_MS + waitMs);
  });

  test('what is stored is new mail, and what is said to be none waits as a change does', () => {
    for (const event of ['MessageAppend', 'MessageCopy'] as const) {
      expect(dueMs({ event }, NOW_MS, null, TIMING)).toBe(NOW_MS);
      expect(dueMs({ event, isNewMail: false }, NOW_MS, null, TIMING)).toBe(
        NOW_MS + TIMING.housekeepingDelayMs,
      );
    }
  });

  test('a move that is said to be new mail goes at once', () => {
    expect(dueMs({ event: 'MessageMove', isNewMail: true }, NOW_MS, null, TIMING)).toBe(NOW_MS);
  });

  test('nothing waits where no serve runs', () => {
    fc.assert(
      fc.property(fc.constantFrom(...CHANGE_NAMES), fc.nat(), (event, agoMs) => {
        expect(dueMs({ event }, NOW_MS, NOW_MS - agoMs, AT_ONCE)).toBe(NOW_MS);
      }),
    );
  });

  test('no push comes sooner than the window after the one before', () => {
    fc.assert(
      fc.property(fc.constantFrom(...CHANGE_NAMES), fc.nat({ max: 100_000 }), (event, agoMs) => {
        expect(dueMs({ event }, NOW_MS, NOW_MS - agoMs, TIMING)).toBeGreaterThanOrEqual(
          NOW_MS - agoMs + TIMING.throttleMs,
        );
      }),
    );
  });
});
