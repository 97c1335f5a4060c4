import { expect, test } from 'vitest';
import { type Answer, NoAnswer, type Push } from '../../src/apns/push.ts';
import { ANSWER_TIMEOUT_MS, carry } from '../../src/delivery/carry.ts';
import { ConnectionFailed } from '../../src/delivery/line.ts';
import type { ClaimedPush } from '../../src/outbox/attempt.ts';
import { pushOf } from '../../src/delivery/push-of.ts';
import { Route } from '../../src/delivery/route.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { NOW_MS } from '../support/store.ts';

const ROW: ClaimedPush = {
  targetId: 1,
  user: 'alice',
  deviceToken: '80aa34cb'.repeat(8),
  accountId: '0715A26B-CA09-4730-A419-793000CA982E',
  topic: 'main',
  renewedMs: 0,
  apnsId: '8d6d7a0c-9f8e-4b6b-9a5c-0d2f3c1b7a11',
  event: 'MessageNew',
  generation: 1,
  attempts: 1,
  eventMs: NOW_MS,
  enqueuedMs: NOW_MS,
  mailboxes: [{ owner: 'alice', path: 'INBOX', hash: undefined, inbox: true }],
};

/** Carries the row over one route whose line answers, or throws what it is given. */
function setting(ending: Answer | Error): {
  route: Route;
  sent: { push: Push; timeoutMs: number }[];
  clock: TestClock;
  log: ReturnType<typeof recordedLog>;
  carried: (row?: ClaimedPush, deadlineMs?: number) => ReturnType<typeof carry>;
} {
  const sent: { push: Push; timeoutMs: number }[] = [];
  const route = new Route(
    { topic: 'main', topics: ['main'], fingerprint: 'fingerprint' },
    {
      push: (push, timeoutMs) => {
        sent.push({ push, timeoutMs });
        return ending instanceof Error ? Promise.reject(ending) : Promise.resolve(ending);
      },
      capacity: 1,
      underWay: 0,
      connected: true,
      proven: true,
      close: () => Promise.resolve(),
    },
  );
  const log = recordedLog();
  const clock = createTestClock(NOW_MS);
  const options = { expiryMs: 60_000, clock, random: () => 0.5, log };
  return {
    route,
    sent,
    clock,
    log,
    carried: (row = ROW, deadlineMs = Infinity) => carry(row, [route], deadlineMs, options),
  };
}

test('sends the push, and says by which credential', async () => {
  const { sent, carried } = setting({ status: 200 });
  const { apnsId } = pushOf(ROW, 'main', { nowMs: 0, expiryMs: 0 });
  expect(await carried()).toEqual({
    push: { ...ROW, apnsId },
    outcome: { kind: 'delivered' },
    unprocessed: false,
    fingerprint: 'fingerprint',
    acceptedTopic: 'main',
  });
  expect(sent).toMatchObject([
    {
      push: {
        apnsId,
        deviceToken: ROW.deviceToken,
        topic: 'main',
        expirationS: NOW_MS / 1000 + 60,
      },
      timeoutMs: ANSWER_TIMEOUT_MS,
    },
  ]);
});

test('waits no longer than the deadline', async () => {
  const { sent, clock, carried } = setting({ status: 200 });
  await carried(ROW, clock.steadyMs() + 5);
  expect(sent[0]?.timeoutMs).toBe(5);
});

test('sends nothing for a topic that no credential is for', async () => {
  const { sent, carried } = setting({ status: 200 });
  const { outcome, fingerprint } = await carried({ ...ROW, topic: 'another' });
  expect(outcome).toEqual({ kind: 'misconfigured', reason: 'TopicNotCovered', scope: 'topic' });
  expect([sent, fingerprint]).toEqual([[], undefined]);
});

test('sends nothing while the route rests, and says why it does; the refusal is told once', async () => {
  const { sent, log, carried } = setting({ status: 403, reason: 'BadCertificate' });
  const first = await carried();
  const second = await carried();
  expect(second.outcome).toEqual(first.outcome);
  expect(first.outcome.kind).toBe('misconfigured');
  expect(sent).toHaveLength(1);
  expect(log.messages('error')).toHaveLength(1);
});

test('a push that the server did not process may go again at once', async () => {
  const { carried } = setting(new NoAnswer('GOAWAY', { perhapsProcessed: false }));
  expect(await carried()).toMatchObject({
    outcome: { kind: 'retry', scope: 'connection' },
    unprocessed: true,
  });
});

test('a connection that is ended with a reason of Apple is what the answer with that reason is', async () => {
  const refusal = { perhapsProcessed: true, reason: 'BadCertificateEnvironment' };
  const { route, clock, sent, log, carried } = setting(new ConnectionFailed('GOAWAY', refusal));
  const outcome = { kind: 'misconfigured', reason: 'BadCertificateEnvironment', scope: 'credential' };
  expect(await carried()).toMatchObject({ outcome, unprocessed: false });
  expect(route.restMs(clock)).toBe(60_000);
  expect(await carried()).toMatchObject({ outcome, isHeld: true });
  expect(sent).toHaveLength(1);
  expect(log.messages('error')).toEqual([expect.stringMatching(/^Apple refuses the certificate/)]);
});

test('an answer that is not Apple’s costs nothing, and sending rests', async () => {
  const { route, clock, carried } = setting({ status: 407, foreign: true });
  const outcome = { kind: 'retry', scope: 'connection', reason: 'status 407, not from Apple' };
  expect(await carried()).toMatchObject({ outcome });
  expect(route.restMs(clock)).toBeGreaterThan(0);
});

test('a connection that cannot be made lets the route rest', async () => {
  const { route, clock, carried } = setting(
    new ConnectionFailed('connection refused', { perhapsProcessed: false }),
  );
  expect(await carried()).toMatchObject({ outcome: { kind: 'retry' }, unprocessed: false });
  expect(route.restMs(clock)).toBeGreaterThan(0);
});

test('a bug of ours costs no push', async () => {
  const { carried } = setting(new TypeError('x is not a function'));
  const { outcome, unprocessed } = await carried();
  expect(outcome).toMatchObject({ kind: 'retry', reason: 'x is not a function' });
  expect(unprocessed).toBe(false);
});
