import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../src/outbox/outcome.ts';
import type { Line } from '../../src/delivery/line.ts';
import { Route, routeFor } from '../../src/delivery/route.ts';
import { createTestClock } from '../support/clock.ts';
import { NOW_MS } from '../support/store.ts';

const REFUSED: Outcome = { kind: 'misconfigured', reason: 'BadCertificate', scope: 'credential' };
const UNREACHABLE: Outcome = { kind: 'retry', reason: 'refused', scope: 'connection', reconnect: true };
const unused: Line = {
  push: () => Promise.reject(new Error('nothing is sent here')),
  capacity: 1,
  underWay: 0,
  connected: false,
  proven: false,
  close: () => Promise.resolve(),
};

function route(...topics: string[]): Route {
  return new Route({ topic: topics[0] ?? '', topics, fingerprint: topics.join() }, unused);
}

describe('a route rests', () => {
  test('after Apple refused its credential, and says why', () => {
    const clock = createTestClock(NOW_MS);
    const resting = route('a');
    resting.answered(REFUSED, clock, () => 0.5);
    expect(resting.refusal(clock)).toEqual(REFUSED);
    clock.advance(resting.restMs(clock));
    expect(resting.refusal(clock)).toBeUndefined();
  });

  test('after a failed connection, longer each time, and all that waited count once', () => {
    const clock = createTestClock(NOW_MS);
    const resting = route('a');
    const pauses = [0, 1, 2].map(() => {
      for (let waiting = 0; waiting < 5; waiting += 1) resting.failed(UNREACHABLE, clock, () => 0.5);
      const pauseMs = resting.restMs(clock);
      clock.advance(pauseMs);
      return pauseMs;
    });
    expect(pauses).toEqual([2000, 5000, 15_000]);
  });

  test.each([30, -30])('as long where the clock is set by %i days meanwhile', (days) => {
    const clock = createTestClock(NOW_MS);
    const resting = route('a');
    resting.failed(UNREACHABLE, clock, () => 0.5);
    clock.jump(days * 86_400_000);
    expect(resting.restMs(clock)).toBe(2000);
    clock.advance(2000);
    expect(resting.restMs(clock)).toBe(0);
  });

  test('no longer than at first once Apple has answered', () => {
    const clock = createTestClock(NOW_MS);
    const resting = route('a');
    for (let failure = 0; failure < 3; failure += 1) {
      resting.failed(UNREACHABLE, clock, () => 0.5);
      clock.advance(resting.restMs(clock));
    }
    resting.answered({ kind: 'delivered' }, clock, () => 0.5);
    resting.failed(UNREACHABLE, clock, () => 0.5);
    expect(resting.restMs(clock)).toBe(2000);
  });

  test('until somebody ends that, but its failures are not forgotten', () => {
    const clock = createTestClock(NOW_MS);
    const resting = route('a');
    resting.failed(UNREACHABLE, clock, () => 0.5);
    resting.resume();
    expect(resting.refusal(clock)).toBeUndefined();
    resting.failed(UNREACHABLE, clock, () => 0.5);
    expect(resting.restMs(clock)).toBe(5000);
  });

  test('after an answer that another server gave, or that asks for another connection', () => {
    const clock = createTestClock(NOW_MS);
    const resting = route('a');
    resting.answered(UNREACHABLE, clock, () => 0.5);
    expect(resting.refusal(clock)).toEqual(UNREACHABLE);
  });

  test('not for what concerns one device or one topic', () => {
    const clock = createTestClock(NOW_MS);
    const open = route('a');
    open.answered({ kind: 'misconfigured', reason: 'TopicDisallowed', scope: 'topic' }, clock, () => 0.5);
    open.answered(
      { kind: 'retry', reason: 'TooManyRequests', scope: 'device', reconnect: false },
      clock,
      () => 0.5,
    );
    expect(open.refusal(clock)).toBeUndefined();
  });
});

describe('routeFor', () => {
  const routes = [route('new', 'both'), route('old')];
  test.each([
    ['new', 0],
    ['both', 0],
    ['old', 1],
    ['', 0],
    ['other', undefined],
  ])('topic %j takes route %j', (topic, index) => {
    expect(routeFor(routes, topic)).toBe(index === undefined ? undefined : routes[index]);
  });
});
