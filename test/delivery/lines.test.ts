import { describe, expect, onTestFinished, test } from 'vitest';
import { NoAnswer, type Push } from '../../src/apns/push.ts';
import { createLines } from '../../src/delivery/lines.ts';
import type { Line } from '../../src/delivery/line.ts';
import { connectTo, pushFor, startTestApns } from '../support/apns.ts';
import { DELIVERED, type ScriptedConnection, scriptedConnection } from '../support/scripted-connection.ts';

const PUSH: Push = { apnsId: 'id', deviceToken: 'aa', topic: 't', payload: '{}', expirationS: 0 };
const STREAMS = 3;

/** As many lines as `count` over connections of three streams; `pushed` sends so many and lets them reach the wire. */
function linesOver(count: number): {
  line: Line;
  made: ScriptedConnection[];
  pushed: (pushes: number) => Promise<void>;
} {
  const made: ScriptedConnection[] = [];
  const line = createLines(count, () => {
    const connection = scriptedConnection(undefined, STREAMS);
    made.push(connection);
    return Promise.resolve(connection);
  });
  const pushed = async (pushes: number): Promise<void> => {
    for (let n = 0; n < pushes; n += 1) void line.push(PUSH, 1000);
    await settled();
  };
  return { line, made, pushed };
}

const counts = (made: ScriptedConnection[]): number[] => made.map(({ pending }) => pending.length);

async function answerAll(made: ScriptedConnection[]): Promise<void> {
  for (const { pending } of made) for (const one of [...pending]) one.answer(DELIVERED);
  await settled();
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('several connections', () => {
  test('are one until it is full and has brought an answer', async () => {
    const { line, made, pushed } = linesOver(3);
    await pushed(5);
    expect(counts(made)).toEqual([5]);
    expect(line).toMatchObject({ capacity: STREAMS, underWay: 5, connected: true, proven: false });
    made[0]?.pending[0]?.answer(DELIVERED);
    await settled();
    expect(line.proven).toBe(true);
    expect(line.capacity).toBeGreaterThan(STREAMS);
    await pushed(2);
    expect(counts(made)).toEqual([4, 2]);
    await pushed(9);
    expect(counts(made)).toEqual([8, 7]); // the third is not made before the second has brought an answer
    await answerAll(made);
    await pushed(7);
    expect(counts(made)).toEqual([3, 3, 1]);
    expect(line).toMatchObject({ underWay: 7 });
  });

  test('go no further than was asked for: more pushes wait at the emptiest', async () => {
    const { made, pushed } = linesOver(2);
    for (const pushes of [1, 4]) {
      await pushed(pushes);
      await answerAll(made);
    }
    await pushed(4);
    await answerAll(made);
    await pushed(9);
    expect(counts(made)).toEqual([5, 4]);
  });

  test('do without one that was lost, and make it anew when the others are full', async () => {
    const { line, made, pushed } = linesOver(2);
    await pushed(1);
    await answerAll(made);
    await pushed(4);
    await answerAll(made);
    const lost = line.push(PUSH, 1000);
    made[0]?.pending[0]?.fail(new NoAnswer('reset', { perhapsProcessed: true }));
    await expect(lost).rejects.toThrow('reset');
    await pushed(3);
    expect(counts(made)).toEqual([0, 3]);
    expect(made).toHaveLength(2);
    await pushed(1);
    expect(counts(made)).toEqual([0, 3, 1]);
  });

  test('one alone is a line', async () => {
    const { line, made, pushed } = linesOver(1);
    await pushed(1);
    await answerAll(made);
    await pushed(9);
    expect(counts(made)).toEqual([9]);
    await line.close();
    expect(line.connected).toBe(false);
  });
});

test('an Apple that is far away is asked over a second connection when the first is full, and over no third', async () => {
  const mock = await startTestApns({ delayMs: 50, maxConcurrentStreams: 20 });
  onTestFinished(() => mock.close());
  const line = createLines(3, (timeoutMs) => connectTo(mock, timeoutMs));
  const push = (n: number): ReturnType<Line['push']> => line.push(pushFor(mock, n), 20_000);
  await push(1);
  expect(mock.connections).toBe(1);
  const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => push(n)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(mock.connections).toBe(2);
  await line.close();
});
