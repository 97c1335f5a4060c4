import { existsSync, writeFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import type { ApnsConnection } from '../../src/apns/client.ts';
import { NoAnswer } from '../../src/apns/push.ts';
import type { Store } from '../../src/store/store.ts';
import { takeLock } from '../../src/store/lock.ts';
import { poke } from '../../src/delivery/poke.ts';
import { ring } from '../../src/delivery/ring.ts';
import { backoffMs } from '../../src/outbox/backoff.ts';
import { Courier } from '../../src/delivery/courier.ts';
import { type DelivererOptions, runDeliverer } from '../../src/delivery/deliverer.ts';
import { leaseOwner } from '../../src/delivery/lease.ts';
import { createLine } from '../../src/delivery/line.ts';
import { Route } from '../../src/delivery/route.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { eventually } from '../support/command.ts';
import { EDITION } from '../support/control.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { DELIVERED, type ScriptedConnection, scriptedConnection } from '../support/scripted-connection.ts';
import { claimed, enqueued, LEASE_MS, newTarget, NOW_MS, registered, testStore } from '../support/store.ts';

const LINGER_MS = 10_000;
const TOPIC = newTarget().topic;

interface Setting {
  store: Store;
  clock: TestClock;
  log: ReturnType<typeof recordedLog>;
  abort: AbortController;
  options: DelivererOptions;
}

/** A deliverer of a new store with alice's phone; nothing runs yet. */
async function setting(
  connect: () => ApnsConnection | Promise<ApnsConnection>,
  changes: Partial<DelivererOptions> = {},
): Promise<Setting> {
  const store = testStore();
  await registered(store);
  const clock = createTestClock(NOW_MS);
  const log = recordedLog();
  const abort = new AbortController();
  const courier = courierOn(store, clock, connect, log);
  const options = {
    store,
    courier,
    takeSpool: () => Promise.resolve(),
    lockFile: `${store.file}.deliverer`,
    controlSocket: `${store.file}.sock`,
    lingerMs: LINGER_MS,
    edition: EDITION,
    changed: () => Promise.resolve(undefined),
    clock,
    log,
    signal: abort.signal,
    ...changes,
  };
  return { store, clock, log, abort, options };
}

/** Waits until so many pushes have no answer yet. */
async function underWay({ pending }: ScriptedConnection, pushes: number): Promise<void> {
  await eventually(
    () => pending.length,
    (count) => count === pushes,
  );
}

function courierOn(
  store: Store,
  clock: TestClock,
  connect: () => ApnsConnection | Promise<ApnsConnection>,
  log = recordedLog(),
): Courier {
  const line = createLine(async () => connect());
  const routes = [new Route({ topic: TOPIC, topics: [TOPIC], fingerprint: 'fingerprint' }, line)];
  return new Courier({
    store,
    routes: () => routes,
    owner: leaseOwner(),
    server: 'https://api.push.apple.com',
    expiryMs: 1000,
    giveUpMs: 86_400_000,
    throttleMs: 0,
    disableAfterMs: 259_200_000,
    clock,
    random: () => 0.5,
    log,
  });
}

function answering(): ScriptedConnection {
  return scriptedConnection(() => DELIVERED);
}

async function rowsOwed(store: Store): Promise<number> {
  return (await store.countDue()).rows;
}

interface Moment {
  turns: number;
  ticks?: number;
  /** Before the deliverer begins to end; else just before the ring. */
  isCommitted?: boolean;
}

const MOMENTS: Moment[] = [0, 1, 2, 3].flatMap((turns) =>
  Array.from({ length: 60 }, (_, n) => ({ turns, ticks: n >> 1, isCommitted: n % 2 === 0 })),
);

/** After so many turns of the event loop, and so many ticks of the next one. */
async function later({ turns, ticks = 0 }: Moment): Promise<void> {
  for (let n = 0; n < turns; n += 1) await new Promise((resolve) => setImmediate(resolve));
  for (let n = 0; n < ticks; n += 1) await Promise.resolve();
}

describe('a deliverer', () => {
  test('sends what is owed, lingers and ends; lock and socket are free then', async () => {
    const connection = answering();
    const { store, clock, options } = await setting(() => connection);
    await enqueued(store);
    await store.mayStartDeliverer(NOW_MS, 3000);
    const running = runDeliverer(options);
    expect(await clock.asleep()).toBe(LINGER_MS);
    expect(await rowsOwed(store)).toBe(0);
    expect(takeLock(options.lockFile)).toBeUndefined();
    // It is up: who needs another one may start it.
    expect(await store.mayStartDeliverer(NOW_MS, 3000)).toBe(true);
    clock.advance(LINGER_MS);
    await running;
    expect(connection.received).toHaveLength(1);
    expect(existsSync(options.controlSocket)).toBe(false);
    const lock = takeLock(options.lockFile);
    expect(lock).toBeDefined();
    lock?.release();
  });

  test('a poke while it lingers is heard, and lingering starts anew', async () => {
    const connection = answering();
    const { store, clock, options } = await setting(() => connection);
    const running = runDeliverer(options);
    await clock.asleep();
    clock.advance(LINGER_MS - 1);
    await enqueued(store, { nowMs: clock.nowMs() });
    expect(await poke(options.controlSocket)).toBe(true);
    await eventually(
      () => rowsOwed(store),
      (rows) => rows === 0,
    );
    expect(await clock.asleep()).toBe(LINGER_MS);
    clock.advance(LINGER_MS - 1);
    expect(await poke(options.controlSocket)).toBe(true);
    await eventually(
      () => clock.asleep(),
      (ms) => ms === LINGER_MS,
    );
    clock.advance(LINGER_MS);
    await running;
    expect(connection.received).toHaveLength(1);
  });

  test('a retry ends its rest after a failed connection, a poke does not', async () => {
    let reachable = false;
    const connection = answering();
    const lost = (): Promise<never> => Promise.reject(new NoAnswer('lost', { perhapsProcessed: false }));
    const { store, clock, options } = await setting(() => (reachable ? connection : lost()));
    await enqueued(store);
    const running = runDeliverer(options);
    expect(await clock.asleep()).toBe(backoffMs(1, 0.5));
    reachable = true;
    await store.makeAllDue(NOW_MS);
    expect(await poke(options.controlSocket)).toBe(true);
    await clock.asleep();
    expect(connection.received).toEqual([]);
    expect(await poke(options.controlSocket, 'retry')).toBe(true);
    await eventually(
      () => rowsOwed(store),
      (rows) => rows === 0,
    );
    await clock.asleep();
    clock.advance(LINGER_MS);
    await running;
  });

  test('what comes while it rests is sent after the rest, be that longer than it lingers', async () => {
    let reachable = false;
    const connection = answering();
    const lost = (): Promise<never> => Promise.reject(new NoAnswer('lost', { perhapsProcessed: false }));
    const { store, clock, options } = await setting(() => (reachable ? connection : lost()), {
      lingerMs: 1000,
    });
    await enqueued(store);
    const running = runDeliverer(options);
    await clock.asleep();
    reachable = true;
    await registered(store, { user: 'bob', subscriptions: newTarget().subscriptions });
    await enqueued(store);
    expect(ring(options.controlSocket, EDITION)).toBe('rung');
    let isOver = false;
    void running.then(() => (isOver = true));
    await eventually(
      () => {
        clock.advance(100);
        return isOver;
      },
      (is) => is,
    );
    expect(await rowsOwed(store)).toBe(0);
    expect(connection.received).toHaveLength(2);
  });

  test('without lingering it sleeps through the rest, in which something is due', async () => {
    const connection = answering();
    let isReachable = false;
    const connect = async (): Promise<ApnsConnection> => {
      if (isReachable) return connection;
      isReachable = true;
      await registered(store, { user: 'bob', subscriptions: newTarget().subscriptions });
      await enqueued(store);
      throw new NoAnswer('lost', { perhapsProcessed: false });
    };
    const { store, clock, options } = await setting(connect, { lingerMs: 0 });
    await enqueued(store);
    const running = runDeliverer(options);
    const restMs = backoffMs(1, 0.5);
    expect(await clock.asleep()).toBe(restMs);
    clock.advance(restMs);
    await running;
    expect(await rowsOwed(store)).toBe(0);
  });

  test('a poke while answers are awaited sends the new row at once', async () => {
    const connection = scriptedConnection();
    const { store, clock, options } = await setting(() => connection);
    await enqueued(store);
    const running = runDeliverer(options);
    await underWay(connection, 1);
    await registered(store, { user: 'bob', subscriptions: newTarget().subscriptions });
    await enqueued(store);
    await poke(options.controlSocket);
    await underWay(connection, 2);
    for (let n = 0; n < 3; n += 1) {
      await eventually(
        () => connection.pending.length,
        (count) => count > 0,
      );
      connection.pending[0]?.answer(DELIVERED);
    }
    await clock.asleep();
    clock.advance(LINGER_MS);
    await running;
    expect(await rowsOwed(store)).toBe(0);
  });

  test('a row that is due within the wait is tried then', async () => {
    let reachable = false;
    const connection = answering();
    const refused = (): Promise<ApnsConnection> =>
      Promise.reject(new NoAnswer('refused', { perhapsProcessed: false }));
    const { store, clock, options } = await setting(() => (reachable ? connection : refused()));
    await enqueued(store);
    const running = runDeliverer(options);
    const waitMs = await clock.asleep();
    expect(waitMs).toBe(backoffMs(1, 0.5));
    reachable = true;
    clock.advance(waitMs);
    await eventually(
      () => rowsOwed(store),
      (rows) => rows === 0,
    );
    await eventually(
      () => clock.asleep(),
      (ms) => ms === LINGER_MS,
    );
    clock.advance(LINGER_MS);
    await running;
  });

  test('a row that is due later than it lingers stays for the next one', async () => {
    const { store, clock, options } = await setting(answering);
    await enqueued(store, { nowMs: NOW_MS + LINGER_MS + 1 });
    const running = runDeliverer(options);
    expect(await clock.asleep()).toBe(LINGER_MS);
    clock.advance(LINGER_MS);
    await running;
    expect(await rowsOwed(store)).toBe(1);
  });

  test('takes over at once what a dead process held, and not what a living one does', async () => {
    const connection = answering();
    const { store, clock, options } = await setting(() => connection);
    const [namespace] = leaseOwner().split(':');
    await enqueued(store);
    await claimed(store, { owner: `${String(namespace)}:4194304:1` });
    await registered(store, {
      user: 'bob',
      subscriptions: [{ owner: 'bob', path: 'INBOX', name: 'INBOX', hash: undefined }],
    });
    await enqueued(store, { mailboxes: [{ owner: 'bob', path: 'INBOX' }] });
    await claimed(store, { owner: 'unknown:another' });
    const running = runDeliverer({ ...options, lingerMs: LEASE_MS - 1 });
    await clock.asleep();
    expect(connection.received).toHaveLength(1);
    clock.advance(LEASE_MS - 1);
    await running;
    expect(await store.countDue()).toEqual({ rows: 1, nextMs: NOW_MS + LEASE_MS });
  });

  test('reads the spool before it sends, and again when it is poked', async () => {
    const connection = answering();
    const { store, clock, options } = await setting(() => connection);
    const takeSpool = vi.fn(async () => {
      if (takeSpool.mock.calls.length === 1) await enqueued(store);
    });
    const running = runDeliverer({ ...options, takeSpool });
    await clock.asleep();
    expect(connection.received).toHaveLength(1);
    await poke(options.controlSocket);
    await eventually(
      () => takeSpool.mock.calls.length,
      (calls) => calls === 2,
    );
    await clock.asleep();
    clock.advance(LINGER_MS);
    await running;
  });

  // A handler commits and rings at every moment of a deliverer's end: heard means sent, be the ring ever read or not.
  test('sends what was committed before a ring that was heard, however late', async () => {
    const answers = new Set<string>();
    const { store, clock, options } = await setting(answering);
    const commit = (): Promise<unknown> => enqueued(store, { nowMs: clock.nowMs() });
    for (const moment of MOMENTS) {
      const running = runDeliverer(options);
      await clock.asleep();
      if (moment.isCommitted) await commit();
      clock.advance(LINGER_MS);
      await later(moment);
      if (!moment.isCommitted) await commit();
      const answer = ring(options.controlSocket, EDITION);
      answers.add(answer);
      const ended = running.then(() => true);
      while (!(await Promise.race([ended, later({ turns: 1 })]))) clock.advance(LINGER_MS);
      if (answer === 'rung') expect([moment, await rowsOwed(store)]).toEqual([moment, 0]);
    }
    expect([...answers].sort()).toEqual(['ask the socket', 'nobody', 'rung']);
  });

  test('a socket that a dead one left behind is replaced', async () => {
    const { clock, options } = await setting(answering);
    writeFileSync(options.controlSocket, '');
    const running = runDeliverer(options);
    await clock.asleep();
    expect(await poke(options.controlSocket)).toBe(true);
    await eventually(
      () => clock.asleep(),
      (ms) => ms === LINGER_MS,
    );
    clock.advance(LINGER_MS);
    await running;
  });
});

describe('the end', () => {
  test('by a signal comes while it lingers, and after the answers that are under way', async () => {
    const lingering = await setting(answering);
    const running = runDeliverer(lingering.options);
    await lingering.clock.asleep();
    lingering.abort.abort();
    await running;
    expect(existsSync(lingering.options.controlSocket)).toBe(false);

    const connection = scriptedConnection();
    const sending = await setting(() => connection);
    await enqueued(sending.store);
    const sent = runDeliverer(sending.options);
    await underWay(connection, 1);
    sending.abort.abort();
    connection.pending[0]?.answer(DELIVERED);
    await sent;
    expect(await rowsOwed(sending.store)).toBe(0);
  });

  test('a signal that came first lets nothing begin', async () => {
    const connection = answering();
    const { store, abort, options } = await setting(() => connection);
    await enqueued(store);
    abort.abort();
    await runDeliverer(options);
    expect(connection.received).toEqual([]);
    expect(await rowsOwed(store)).toBe(1);
  });

  test('a row committed after the last look is sent before the lock is given back', async () => {
    const connection = answering();
    const { store, clock, options } = await setting(() => connection);
    const late: Promise<unknown>[] = [];
    // The handler commits at the moment at which lingering is over, and its poke finds nobody.
    const lingerIsOver: typeof clock.sleep = async (ms, signal) => {
      await clock.sleep(ms, signal);
      if (late.length === 0) late.push(enqueued(store, { nowMs: clock.nowMs() }));
    };
    const running = runDeliverer({ ...options, clock: { ...clock, sleep: lingerIsOver } });
    await clock.asleep();
    clock.advance(LINGER_MS);
    await eventually(
      () => connection.received.length,
      (count) => count === 1,
    );
    await clock.asleep();
    clock.advance(LINGER_MS);
    await running;
    expect(late).toHaveLength(1);
    expect(await rowsOwed(store)).toBe(0);
  });

  test('an error of the database gives the lock and the socket back', async () => {
    const { options } = await setting(answering);
    const trouble = new Error('disk full');
    const failing = runDeliverer({ ...options, takeSpool: () => Promise.reject(trouble) });
    await expect(failing).rejects.toBe(trouble);
    expect(existsSync(options.controlSocket)).toBe(false);
    const lock = takeLock(options.lockFile);
    expect(lock).toBeDefined();
    lock?.release();
  });
});

describe('only one runs', () => {
  test('a second one pokes the first and ends', async () => {
    const connection = answering();
    const { store, clock, options } = await setting(() => connection);
    const first = runDeliverer(options);
    await clock.asleep();
    await enqueued(store);
    const second = await setting(() => Promise.reject(new Error('the second one must not send')));
    await runDeliverer({
      ...second.options,
      lockFile: options.lockFile,
      controlSocket: options.controlSocket,
    });
    await eventually(
      () => connection.received.length,
      (count) => count === 1,
    );
    await clock.asleep();
    clock.advance(LINGER_MS);
    await first;
  });

  test('a second one that is not needed lets the next one start, should the first end soon', async () => {
    const { store, clock, options } = await setting(() => answering());
    const running = runDeliverer(options);
    await clock.asleep();
    await store.mayStartDeliverer(NOW_MS, 3000);
    await runDeliverer(options);
    expect(await store.mayStartDeliverer(NOW_MS, 3000)).toBe(true);
    await eventually(
      () => clock.asleep(),
      (ms) => ms === LINGER_MS,
    );
    clock.advance(LINGER_MS);
    await running;
  });

  test('one that comes while another ends waits for its turn', async () => {
    const connection = answering();
    const { store, clock, options } = await setting(() => connection);
    const lock = takeLock(options.lockFile); // held, but its door is shut already
    await enqueued(store);
    const running = runDeliverer(options);
    const waitMs = await clock.asleep();
    expect(connection.received).toEqual([]);
    lock?.release();
    clock.advance(waitMs);
    await eventually(
      () => clock.asleep(),
      (ms) => ms === LINGER_MS,
    );
    expect(connection.received).toHaveLength(1);
    clock.advance(LINGER_MS);
    await running;
  });

  test('one that never gets its turn says so and ends', async () => {
    const { clock, log, options } = await setting(answering);
    const lock = takeLock(options.lockFile);
    const running = runDeliverer(options);
    await clock.asleep();
    clock.advance(3_600_000);
    await running;
    expect(log.messages('warn')).toEqual(['another deliverer holds the lock but does not answer']);
    lock?.release();
  });

  test('of several that start together one does the work', async () => {
    const connection = scriptedConnection();
    const { store, clock, options } = await setting(() => connection);
    await enqueued(store);
    const others = await Promise.all(Array.from({ length: 4 }, () => setting(() => connection)));
    const shared = { store, clock, lockFile: options.lockFile, controlSocket: options.controlSocket };
    const first = runDeliverer(options);
    await underWay(connection, 1);
    await Promise.all(others.map((other) => runDeliverer({ ...other.options, ...shared })));
    connection.pending[0]?.answer(DELIVERED);
    await clock.asleep();
    clock.advance(LINGER_MS);
    await first;
    expect(connection.received).toHaveLength(1);
  });
});

describe('a deliverer makes way', () => {
  const OTHER = 'ffffffffffff.source';

  test('for a handler of another edition, at once and after the answers that are under way', async () => {
    const connection = scriptedConnection();
    const { store, log, options } = await setting(() => connection);
    await enqueued(store);
    const running = runDeliverer(options);
    await underWay(connection, 1);
    expect(ring(options.controlSocket, OTHER)).toBe('ask the socket');
    expect(await poke(options.controlSocket, 'poke', OTHER)).toBe(false);
    // Nobody may rely on it any more, whatever they work with.
    expect(ring(options.controlSocket, EDITION)).toBe('ask the socket');
    expect(await poke(options.controlSocket, 'poke', EDITION)).toBe(false);
    connection.pending[0]?.answer(DELIVERED);
    expect(await running).toBe(false); // whoever made it end comes itself
    expect(await rowsOwed(store)).toBe(0);
    expect(log.messages('info')).toContain('the deliverer makes way for one that works with something else');
  });

  test('for serve, at once and after the answers that are under way, however much is left', async () => {
    const connection = scriptedConnection();
    const { store, log, options } = await setting(() => connection);
    await enqueued(store);
    const running = runDeliverer(options);
    await underWay(connection, 1);
    expect(await poke(options.controlSocket, 'make way')).toBe(true);
    expect(await poke(options.controlSocket, 'make way')).toBe(true);
    expect(await poke(options.controlSocket, 'poke', EDITION)).toBe(false);
    await enqueued(store);
    connection.pending[0]?.answer(DELIVERED);
    expect(await running).toBe(false);
    expect(await rowsOwed(store)).toBe(1);
    expect(log.messages('info')).toContain('the deliverer makes way for serve');
    expect(takeLock(options.lockFile)).toBeDefined();
  });

  test('and the other one takes its turn, with what waited for another configuration', async () => {
    const lost = (): Promise<never> => Promise.reject(new NoAnswer('lost', { perhapsProcessed: false }));
    const { store, clock, options } = await setting(lost);
    await enqueued(store);
    const first = runDeliverer(options);
    await clock.asleep();
    const connection = answering();
    const courier = courierOn(store, clock, () => connection);
    const second = runDeliverer({ ...options, courier, edition: OTHER });
    await first;
    clock.advance(50);
    await eventually(
      () => connection.received.length,
      (count) => count === 1,
    );
    await eventually(
      () => clock.asleep(),
      (ms) => ms === LINGER_MS,
    );
    clock.advance(LINGER_MS);
    await second;
  });

  test('where what it works with has changed, and asks for a successor where something is due soon', async () => {
    const now: { changed?: string } = {};
    const lost = (): Promise<never> => Promise.reject(new NoAnswer('lost', { perhapsProcessed: false }));
    const { store, clock, log, options } = await setting(lost, {
      changed: () => Promise.resolve(now.changed),
    });
    await enqueued(store);
    const running = runDeliverer(options);
    const waitMs = await clock.asleep();
    now.changed = '/etc/xapplepush/config.yaml';
    clock.advance(waitMs);
    expect(await running).toBe(true);
    expect(await rowsOwed(store)).toBe(1);
    expect(log.entries).toContainEqual(expect.objectContaining({ fields: { changed: now.changed } }));
  });

  test('and asks for none where nothing is owed', async () => {
    const now: { changed?: string } = {};
    const { clock, options } = await setting(answering, { changed: () => Promise.resolve(now.changed) });
    const running = runDeliverer(options);
    await clock.asleep();
    now.changed = 'the program';
    await poke(options.controlSocket, 'poke', EDITION);
    expect(await running).toBe(false);
  });
});
