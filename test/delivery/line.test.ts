import { describe, expect, test } from 'vitest';
import type { ApnsConnection } from '../../src/apns/client.ts';
import { type Answer, NoAnswer, type Push } from '../../src/apns/push.ts';
import { createLine, type Line, ConnectionFailed } from '../../src/delivery/line.ts';
import { DELIVERED, type ScriptedConnection, scriptedConnection } from '../support/scripted-connection.ts';

const PUSH: Push = { apnsId: 'id', deviceToken: 'aa', topic: 't', payload: '{}', expirationS: 0 };
const SHUTDOWN: Answer = { status: 503, reason: 'Shutdown' };
const LOST = new NoAnswer('connection reset', { perhapsProcessed: true });

/** A line over these connections, in order, and the time-outs they were made with. */
function lineOver(...connections: (ApnsConnection | Error)[]): { line: Line; timeouts: number[] } {
  const timeouts: number[] = [];
  const line = createLine((timeoutMs) => {
    timeouts.push(timeoutMs);
    const next = connections[timeouts.length - 1];
    if (next === undefined) return Promise.reject(new Error('no further connection was expected'));
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
  });
  return { line, timeouts };
}

function push(line: Line): Promise<Answer> {
  return line.push(PUSH, 1000);
}

/** Lets everything run that waits for nothing. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function answering(answer: Answer | Error = DELIVERED): ScriptedConnection {
  return scriptedConnection(() => answer);
}

describe('one connection', () => {
  test('is made by the first push and serves all', async () => {
    const connection = answering();
    const { line, timeouts } = lineOver(connection);
    await settled();
    expect(timeouts).toEqual([]);
    await Promise.all(Array.from({ length: 50 }, () => push(line)));
    expect(await line.push(PUSH, 5)).toEqual(DELIVERED);
    expect(timeouts).toEqual([1000]);
    expect(connection.received).toHaveLength(51);
    expect(connection.closed).toBe(0);
  });

  test('stays after answers that say no', async () => {
    const connection = answering({ status: 400, reason: 'BadDeviceToken' });
    const { line, timeouts } = lineOver(connection);
    expect(await push(line)).toEqual({ status: 400, reason: 'BadDeviceToken' });
    await push(line);
    expect(timeouts).toHaveLength(1);
  });

  test('tells how much it can take, as soon as it knows and when that changes', async () => {
    const connection = scriptedConnection(undefined, 7);
    const { line } = lineOver(connection);
    const guess = line.capacity;
    expect(guess).toBeGreaterThan(1);
    const pushed = push(line);
    expect(line.capacity).toBe(guess);
    await settled();
    expect(line.capacity).toBe(7);
    connection.capacity = 400;
    expect(line.capacity).toBe(400);
    connection.capacity = 1000;
    expect(line.capacity).toBe(500);
    expect([line.underWay, line.proven]).toEqual([1, false]);
    connection.pending[0]?.answer(DELIVERED);
    await pushed;
    expect([line.underWay, line.proven]).toEqual([0, true]);
    await line.close();
    expect(line.capacity).toBe(guess);
    expect([line.underWay, line.proven]).toEqual([0, false]);
  });
});

describe('a connection that cannot be made', () => {
  test('fails every push that waited for it, and the next push tries again', async () => {
    const { line, timeouts } = lineOver(new NoAnswer('refused', { perhapsProcessed: false }), answering());
    const results = await Promise.allSettled([push(line), push(line), push(line)]);
    for (const result of results) {
      const error: unknown = result.status === 'rejected' ? result.reason : undefined;
      expect(error).toBeInstanceOf(ConnectionFailed);
      expect(error).toMatchObject({ message: 'refused', perhapsProcessed: false });
    }
    expect(timeouts).toHaveLength(1);
    expect(await push(line)).toEqual(DELIVERED);
    expect(timeouts).toHaveLength(2);
  });
});

test('a connection that ends before it gave an answer has failed, as one that never came up', async () => {
  const refusal = new NoAnswer('GOAWAY', { perhapsProcessed: true, reason: 'BadCertificate' });
  const { line } = lineOver(answering(refusal));
  const error: unknown = await push(line).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ConnectionFailed);
  expect(error).toMatchObject({ message: 'GOAWAY', perhapsProcessed: true, reason: 'BadCertificate' });
});

test('a connection that takes no stream for now takes one push, which waits', async () => {
  const connection = scriptedConnection(undefined, 0);
  const { line } = lineOver(connection);
  void push(line);
  await settled();
  expect(line.capacity).toBe(1);
});

describe('a new connection is made', () => {
  test('after the old one was closed by Apple', async () => {
    const [first, second] = [answering(), answering()];
    const { line } = lineOver(first, second);
    await push(line);
    first.open = false;
    await push(line);
    expect([first.received.length, second.received.length]).toEqual([1, 1]);
  });

  test('after a push got no answer', async () => {
    const [first, second] = [
      scriptedConnection((_push, index) => (index === 0 ? DELIVERED : LOST)),
      answering(),
    ];
    const { line } = lineOver(first, second);
    await push(line);
    await expect(push(line)).rejects.toBe(LOST);
    expect(first.closed).toBe(1);
    await push(line);
    expect(second.received).toHaveLength(1);
  });

  test('after close', async () => {
    const [first, second] = [answering(), answering()];
    const { line } = lineOver(first, second);
    await line.close();
    await push(line);
    await line.close();
    await line.close();
    expect(first.closed).toBe(1);
    await push(line);
    expect(second.received).toHaveLength(1);
  });
});

describe('a farewell', () => {
  test.each([SHUTDOWN, { status: 400, reason: 'IdleTimeout' }])(
    '%j retires the connection without cutting others off',
    async (farewell) => {
      const [first, second] = [scriptedConnection(), answering()];
      const { line } = lineOver(first, second);
      const [one, two] = [push(line), push(line)];
      await settled();
      first.pending[0]?.answer(farewell);
      expect(await one).toEqual(farewell);
      expect(first.closed).toBe(0);
      expect(await push(line)).toEqual(DELIVERED);
      expect(second.received).toHaveLength(1);
      first.pending[0]?.answer(DELIVERED);
      expect(await two).toEqual(DELIVERED);
      expect(first.closed).toBe(1);
      expect(second.closed).toBe(0);
    },
  );

  test('of an old connection does not hit a newer one', async () => {
    const [first, second] = [scriptedConnection(), answering()];
    const { line, timeouts } = lineOver(first, second);
    const late = [push(line), push(line), push(line)];
    await settled();
    first.pending[0]?.answer(SHUTDOWN);
    await late[0];
    await push(line);
    first.pending[0]?.answer(SHUTDOWN);
    await late[1];
    first.pending[0]?.fail(LOST);
    await expect(late[2]).rejects.toMatchObject({ message: LOST.message, perhapsProcessed: true });
    await push(line);
    expect(second.received).toHaveLength(2);
    expect([first.closed, second.closed]).toEqual([1, 0]);
    expect(timeouts).toHaveLength(2);
  });
});

describe('close', () => {
  test('lets a push that is under way have its answer', async () => {
    const connection = scriptedConnection();
    const { line } = lineOver(connection);
    const pushed = push(line);
    await settled();
    await line.close();
    expect(connection.closed).toBe(0);
    connection.pending[0]?.answer(DELIVERED);
    expect(await pushed).toEqual(DELIVERED);
    expect(connection.closed).toBe(1);
  });

  test('closes a connection that is still being made, once it is there', async () => {
    const connection = answering();
    let made: (connection: ApnsConnection) => void = () => undefined;
    const line = createLine(() => new Promise((resolve) => (made = resolve)));
    const pushed = push(line);
    await line.close();
    made(connection);
    expect(await pushed).toEqual(DELIVERED);
    expect(connection.closed).toBe(1);
  });
});
