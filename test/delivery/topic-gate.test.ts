import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../src/outbox/outcome.ts';
import { MAX_REFUSED_DEVICES, TopicGate } from '../../src/delivery/topic-gate.ts';
import { NOW_MS } from '../support/store.ts';

const REFUSED: Outcome = { kind: 'misconfigured', reason: 'TopicDisallowed', scope: 'topic' };
const DELIVERED: Outcome = { kind: 'delivered' };
const LATER: Outcome = { kind: 'retry', reason: 'x', scope: 'apple', reconnect: false };
const MINUTE_MS = 60_000;

/** Lets so many different devices in, and ends each with the outcome. Gives what it meant for the others. */
function through(gate: TopicGate, count: number, outcome: Outcome, nowMs = NOW_MS): unknown[] {
  return Array.from({ length: count }, (_, n) => {
    expect(gate.enter(`device ${n}`, nowMs)).toBeUndefined();
    return gate.leave(`device ${n}`, outcome, nowMs, 0.5);
  });
}

function resting(): TopicGate {
  const gate = new TopicGate();
  expect(through(gate, MAX_REFUSED_DEVICES, REFUSED).at(-1)).toBe('rests');
  return gate;
}

describe('before Apple has accepted the topic', () => {
  test('a few go at once; the first acceptance lets all go', async () => {
    const gate = new TopicGate();
    for (let n = 0; n < MAX_REFUSED_DEVICES; n += 1) expect(gate.enter(`${n}`, NOW_MS)).toBeUndefined();
    const entrance = gate.enter('next', NOW_MS);
    expect(entrance).toBeInstanceOf(Promise);
    expect(gate.leave('0', DELIVERED, NOW_MS, 0.5)).toBe('accepted');
    await entrance;
    for (let n = 0; n < 100; n += 1) expect(gate.enter(`later ${n}`, NOW_MS)).toBeUndefined();
  });

  test('an answer that says nothing of the topic keeps nobody waiting', async () => {
    const gate = new TopicGate();
    for (let n = 0; n < MAX_REFUSED_DEVICES; n += 1) void gate.enter(`${n}`, NOW_MS);
    const entrance = gate.enter('next', NOW_MS);
    expect(gate.leave('0', LATER, NOW_MS, 0.5)).toBeUndefined();
    await entrance;
    expect(gate.enter('next', NOW_MS)).toBeUndefined();
  });
});

describe('one device', () => {
  test('that is refused again and again holds nobody', () => {
    const gate = new TopicGate();
    for (let n = 0; n < 100; n += 1) {
      expect(gate.enter('one', NOW_MS)).toBeUndefined();
      expect(gate.leave('one', REFUSED, NOW_MS, 0.5)).toBeUndefined();
    }
  });

  test('of many that are refused holds nobody while others are accepted', () => {
    const gate = new TopicGate();
    for (let n = 0; n < 100; n += 1) {
      expect(through(gate, MAX_REFUSED_DEVICES - 1, REFUSED)).not.toContain('rests');
      through(gate, 1, DELIVERED);
    }
  });
});

describe('a topic that rests', () => {
  test('lets none go, those that waited neither', async () => {
    const gate = new TopicGate();
    for (let n = 0; n < MAX_REFUSED_DEVICES; n += 1) void gate.enter(`${n}`, NOW_MS);
    const entrance = gate.enter('next', NOW_MS);
    for (let n = 0; n < MAX_REFUSED_DEVICES; n += 1) gate.leave(`${n}`, REFUSED, NOW_MS, 0.5);
    await entrance;
    expect(gate.enter('next', NOW_MS)).toEqual(REFUSED);
    expect(gate.enter('next', NOW_MS + MINUTE_MS - 1)).toEqual(REFUSED);
  });

  test('lets one see whether that is over, and rests longer where it is not', () => {
    const gate = resting();
    const overMs = NOW_MS + MINUTE_MS;
    expect(gate.enter('new', overMs)).toBeUndefined();
    expect(gate.enter('other', overMs)).toEqual(REFUSED);
    expect(gate.leave('new', REFUSED, overMs, 0.5)).toBeUndefined();
    expect(gate.enter('other', overMs + 5 * MINUTE_MS - 1)).toEqual(REFUSED);
    expect(gate.enter('other', overMs + 5 * MINUTE_MS)).toBeUndefined();
    expect(gate.leave('other', DELIVERED, overMs + 5 * MINUTE_MS, 0.5)).toBe('accepted');
    through(gate, 100, DELIVERED, overMs + 5 * MINUTE_MS);
  });

  test('prefers a device that was not refused, but not for ever', () => {
    const gate = resting();
    expect(gate.enter('device 0', NOW_MS + MINUTE_MS)).toEqual(REFUSED);
    expect(gate.enter('device 0', NOW_MS + 2 * MINUTE_MS)).toBeUndefined();
  });

  test('an answer that says nothing of the topic lets the next one see', () => {
    const gate = resting();
    expect(gate.enter('new', NOW_MS + MINUTE_MS)).toBeUndefined();
    gate.leave('new', LATER, NOW_MS + MINUTE_MS, 0.5);
    expect(gate.enter('other', NOW_MS + MINUTE_MS)).toBeUndefined();
    expect(gate.enter('third', NOW_MS + MINUTE_MS)).toEqual(REFUSED);
  });

  test('sees at once where somebody asks for that', () => {
    const gate = resting();
    gate.resume();
    expect(gate.enter('device 0', NOW_MS)).toBeUndefined();
  });
});

test('one that was let in and goes nowhere lets the next one in', async () => {
  const gate = new TopicGate();
  for (let n = 0; n < MAX_REFUSED_DEVICES; n += 1) void gate.enter(`${n}`, NOW_MS);
  const entrances = Array.from({ length: 20 }, (_, n) => gate.enter(`next ${n}`, NOW_MS) as Promise<void>);
  for (const entrance of entrances) void entrance.then(() => gate.stepAside());
  for (let n = 0; n < MAX_REFUSED_DEVICES; n += 1) gate.leave(`${n % 3}`, REFUSED, NOW_MS, 0.5);
  await Promise.all(entrances);
});
