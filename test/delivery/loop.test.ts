import { describe, expect, test } from 'vitest';
import { deliver, untilDeadline, untilIdle, untilSignal } from '../../src/delivery/loop.ts';
import { createReminder } from '../../src/process/reminder.ts';
import { createBell } from '../../src/process/bell.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { NOW_MS } from '../support/store.ts';

/** A courier that only counts its drains, and an outbox of which the test says when its next row is due. */
function setting() {
  const clock = createTestClock(NOW_MS);
  const outbox: { nextMs: number | undefined; restMs: number; trouble: Error | undefined } = {
    ...{ nextMs: undefined, restMs: 0, trouble: undefined },
  };
  const drains: { atMs: number; deadlineMs: number | undefined }[] = [];
  const courier = {
    drain: (deadlineMs?: number) => {
      drains.push({ atMs: clock.steadyMs(), deadlineMs });
      return outbox.trouble === undefined ? Promise.resolve() : Promise.reject(outbox.trouble);
    },
    get restMs() {
      return outbox.restMs;
    },
  };
  const store = { nextDueMs: () => Promise.resolve(outbox.nextMs) };
  return { clock, outbox, drains, options: { clock, courier, store } };
}

/** Lets as much time pass as the loop sleeps for, which is this. */
async function sleepOver(clock: TestClock, ms: number): Promise<void> {
  expect(await clock.asleep()).toBe(ms);
  clock.advance(ms);
}

describe('until idle', () => {
  test('it waits so long for more after each drain', async () => {
    const { clock, outbox, drains, options } = setting();
    const delivering = deliver(options, untilIdle(clock, 1000));
    outbox.nextMs = NOW_MS + 400;
    await sleepOver(clock, 400);
    outbox.nextMs = NOW_MS + 9999;
    await sleepOver(clock, 1000);
    await delivering;
    expect(drains.map(({ atMs }) => atMs)).toEqual([0, 400]);
  });

  test('without any patience it sends once what is due', async () => {
    const { clock, outbox, drains, options } = setting();
    outbox.nextMs = NOW_MS;
    await deliver(options, untilIdle(clock, 0));
    expect(drains).toEqual([{ atMs: 0, deadlineMs: Infinity }]);
  });

  test('trouble ends it', async () => {
    const { clock, outbox, options } = setting();
    outbox.trouble = new Error('disk full');
    await expect(deliver(options, untilIdle(clock, 1000))).rejects.toBe(outbox.trouble);
  });

  test('the spool is read before each drain', async () => {
    const { clock, drains, options } = setting();
    const before: number[] = [];
    const takeSpool = (): Promise<void> => {
      before.push(drains.length);
      return Promise.resolve();
    };
    const bell = createBell();
    const delivering = deliver({ ...options, takeSpool, bell }, untilIdle(clock, 1000));
    await clock.asleep();
    bell.ring();
    await sleepOver(clock, 1000);
    await delivering;
    expect(before).toEqual([0, 1]);
  });
});

test('what rings while it is looked whether it is over is looked after', async () => {
  const { clock, drains, options } = setting();
  const bell = createBell();
  const idle = untilIdle(clock, 1000);
  const isOver = (): Promise<boolean> => {
    if (drains.length === 1) bell.ring();
    return Promise.resolve(idle.isOver());
  };
  const delivering = deliver({ ...options, bell }, { ...idle, isOver });
  await sleepOver(clock, 1000);
  await sleepOver(clock, 1000);
  await delivering;
  expect(drains.map(({ atMs }) => atMs)).toEqual([0, 1000]);
});

describe('until a deadline', () => {
  test('it looks every now and then, and sends nothing that would take longer', async () => {
    const { clock, drains, options } = setting();
    const delivering = deliver(
      options,
      untilDeadline(clock, 250, () => Promise.resolve(false)),
    );
    for (const ms of [100, 100, 50]) await sleepOver(clock, ms);
    await delivering;
    expect(drains.map(({ atMs }) => atMs)).toEqual([0, 100, 200]);
    expect(new Set(drains.map(({ deadlineMs }) => deadlineMs))).toEqual(new Set([250]));
  });

  test('it ends as soon as what is waited for is done', async () => {
    const { clock, drains, options } = setting();
    let isDone = false;
    const delivering = deliver(
      options,
      untilDeadline(clock, 250, () => Promise.resolve(isDone)),
    );
    await clock.asleep();
    isDone = true;
    await sleepOver(clock, 100);
    await delivering;
    expect(drains).toHaveLength(2);
  });

  test('what is due sooner is sent sooner, unless sending rests', async () => {
    const { clock, outbox, drains, options } = setting();
    outbox.nextMs = NOW_MS + 30;
    const delivering = deliver(
      options,
      untilDeadline(clock, 100, () => Promise.resolve(false)),
    );
    expect(await clock.asleep()).toBe(30);
    outbox.restMs = 50;
    clock.advance(30);
    await sleepOver(clock, 50);
    await sleepOver(clock, 20);
    await delivering;
    expect(drains.map(({ atMs }) => atMs)).toEqual([0, 30, 80]);
  });
});

describe('until a signal', () => {
  test('it goes on after trouble, which it tells, and looks twice a minute', async () => {
    const { clock, outbox, drains, options } = setting();
    const ending = new AbortController();
    const log = recordedLog();
    const bell = createBell(ending.signal);
    const delivering = deliver({ ...options, bell, signal: ending.signal }, untilSignal(log));
    expect(await clock.asleep()).toBe(30_000);
    outbox.trouble = new Error('disk full');
    clock.advance(30_000);
    await sleepOver(clock, 1000);
    expect(await clock.asleep()).toBe(1000);
    outbox.trouble = undefined;
    clock.advance(1000);
    await clock.asleep();
    ending.abort();
    await delivering;
    expect(drains.map(({ atMs }) => atMs)).toEqual([0, 30_000, 31_000, 32_000]);
    const told = { level: 'error', message: 'delivery is interrupted, every push is kept' };
    expect(log.entries).toEqual([told, told].map((entry) => expect.objectContaining(entry) as unknown));
  });

  test('the same trouble is told again after it was over, and not while it lasts', async () => {
    const { clock, outbox, options } = setting();
    const ending = new AbortController();
    const log = recordedLog();
    const bell = createBell(ending.signal);
    const reminded = untilSignal(log, createReminder(clock));
    const delivering = deliver({ ...options, bell, signal: ending.signal }, reminded);
    for (const [trouble, told] of [
      [new Error('disk full'), 1],
      [new Error('disk full'), 1],
      [undefined, 1],
      [new Error('disk full'), 2],
    ] as const) {
      outbox.trouble = trouble;
      clock.advance(await clock.asleep());
      await clock.asleep();
      expect(log.entries).toHaveLength(told);
    }
    ending.abort();
    await delivering;
  });

  test('a ring ends the wait', async () => {
    const { clock, drains, options } = setting();
    const ending = new AbortController();
    const bell = createBell(ending.signal);
    const delivering = deliver({ ...options, bell, signal: ending.signal }, untilSignal(recordedLog()));
    await clock.asleep();
    bell.ring();
    while (drains.length < 2) await new Promise((resolve) => setImmediate(resolve));
    ending.abort();
    await delivering;
    expect(drains.map(({ atMs }) => atMs)).toEqual([0, 0]);
  });
});
