import { expect, test } from 'vitest';
import { judgeOutbox } from '../../src/check/outbox.ts';
import type { WaitingSummary } from '../../src/store/summary.ts';

const NOW_MS = Date.parse('2026-11-30T12:00:00Z');
const DEVICE = { user: 'alice', deviceToken: 'aa' };

function waiting(
  state: keyof WaitingSummary['groups'],
  reason: string | null,
  ageMs = 60_000,
): WaitingSummary {
  const oldestMs = NOW_MS - ageMs;
  return {
    groups: { [state]: { pushes: 3, oldestMs, attemptedMs: NOW_MS - 30_000, reason } },
    nextMs: undefined,
    oldest: { ...DEVICE, ms: oldestMs, state, reason },
  };
}

const SINCE = '3 pushes wait, the oldest since 2026-11-30T11:59:00Z';

test.each([
  [
    'credential',
    'BadCertificate',
    'problem',
    `${SINCE}: the certificate or token cannot be used (BadCertificate)`,
  ],
  ['connection', 'ECONNREFUSED', 'warning', `${SINCE}: Apple cannot be reached (ECONNREFUSED)`],
  ['apple', 'InternalServerError', 'warning', `${SINCE}: Apple has trouble of its own (InternalServerError)`],
  [
    'topic',
    'TopicDisallowed',
    'warning',
    `${SINCE}: no certificate fits the device's topic (TopicDisallowed)`,
  ],
  ['device', 'TooManyRequests', 'ok', SINCE],
  ['new', null, 'ok', SINCE],
] as const)('%s', (state, reason, judged, text) => {
  const point = judgeOutbox(waiting(state, reason), undefined, NOW_MS);
  expect(point).toMatchObject({ point: 'outbox', state: judged, text });
  expect(point.fix === null).toBe(judged === 'ok');
});

test('what a later success shows to be over is no cause any more', () => {
  const lastSuccess = { ms: NOW_MS - 1000, device: DEVICE };
  expect(judgeOutbox(waiting('credential', 'BadCertificate'), lastSuccess, NOW_MS).state).toBe('ok');
  const ahead = { ms: NOW_MS + 1000, device: DEVICE };
  expect(judgeOutbox(waiting('credential', 'BadCertificate'), ahead, NOW_MS).state).toBe('problem');
});

test('from ten minutes on, what waits without a cause is a warning', () => {
  expect(judgeOutbox(waiting('new', null, 600_000), undefined, NOW_MS)).toMatchObject({
    state: 'warning',
    text: expect.stringContaining('(never tried)') as string,
  });
});

test('nothing waits', () => {
  const none = { groups: {}, nextMs: undefined, oldest: undefined };
  expect(judgeOutbox(none, undefined, NOW_MS)).toMatchObject({ state: 'ok', text: 'no push waits' });
});
