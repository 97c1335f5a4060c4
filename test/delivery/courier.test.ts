import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { ApnsConnection } from '../../src/apns/client.ts';
import { type Answer, NoAnswer } from '../../src/apns/push.ts';
import type { Outcome } from '../../src/outbox/outcome.ts';
import { backoffMs } from '../../src/outbox/backoff.ts';
import { ANSWER_TIMEOUT_MS } from '../../src/delivery/carry.ts';
import { Courier, type CourierOptions } from '../../src/delivery/courier.ts';
import { createLine } from '../../src/delivery/line.ts';
import { Route } from '../../src/delivery/route.ts';
import { MAX_IMMEDIATE_ATTEMPTS } from '../../src/outbox/settlement.ts';
import { MAX_REFUSED_DEVICES } from '../../src/delivery/topic-gate.ts';
import { eventually } from '../support/command.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { tokenNumber } from '../support/events.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { DELIVERED, type ScriptedConnection, scriptedConnection } from '../support/scripted-connection.ts';
import {
  ALICES_ARCHIVE,
  enqueued,
  newTarget,
  NOW_MS,
  registered,
  rowsOf,
  testStore,
  type TestStore,
} from '../support/store.ts';

const TOPIC = newTarget().topic;
const DAY_MS = 86_400_000;

interface Setting {
  store: TestStore;
  courier: Courier;
  clock: TestClock;
  log: ReturnType<typeof recordedLog>;
  /** How often a connection was asked for. */
  connects: () => number;
  /** What was told to `onSettled`. */
  outcomes: Outcome[];
}

/** A courier of a new store whose connections come from `connect`. */
function setting(
  connect: () => ApnsConnection | Promise<ApnsConnection>,
  changes: Partial<CourierOptions> = {},
): Setting {
  const store = testStore();
  const clock = createTestClock(NOW_MS);
  const log = recordedLog();
  const outcomes: Outcome[] = [];
  let connects = 0;
  const line = createLine(async () => {
    connects += 1;
    return connect();
  });
  const routes = [new Route({ topic: TOPIC, topics: [TOPIC], fingerprint: 'fingerprint' }, line)];
  const courier = new Courier({
    store,
    routes: () => routes,
    owner: 'courier',
    server: 'https://api.push.apple.com',
    expiryMs: DAY_MS,
    giveUpMs: DAY_MS,
    throttleMs: 0,
    disableAfterMs: 259_200_000,
    clock,
    random: () => 0.5,
    log,
    onSettled: (_push, outcome) => outcomes.push(outcome),
    ...changes,
  });
  return { store, courier, clock, log, connects: () => connects, outcomes };
}

/** So many devices of alice, with a push owed to each. */
async function owing(store: TestStore, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1)
    await registered(store, { deviceToken: tokenNumber(n) }, { maxPerUser: count });
  await enqueued(store);
}

function pending(connection: ScriptedConnection, count: number): Promise<unknown> {
  return eventually(
    () => connection.pending.length,
    (length) => length === count,
  );
}

/** Delivers one push, so that there is a connection and its capacity is known. */
async function connected(connection: ScriptedConnection, store: TestStore, courier: Courier): Promise<void> {
  await owing(store, 1);
  const drained = courier.drain();
  await pending(connection, 1);
  connection.pending[0]?.answer(DELIVERED);
  await drained;
}

function received(connection: ScriptedConnection, count: number): Promise<unknown> {
  return eventually(
    () => connection.received.length,
    (length) => length >= count,
  );
}

/** Until the test ends. */
async function keepAdvancing(clock: TestClock, ms: number): Promise<void> {
  const ended = new AbortController();
  onTestFinished(() => ended.abort());
  while (!ended.signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    clock.advance(ms);
  }
}

async function rowsOwed(store: TestStore): Promise<number> {
  return (await store.countDue()).rows;
}

function refused(): Promise<ApnsConnection> {
  return Promise.reject(new NoAnswer('connection refused', { perhapsProcessed: false }));
}

describe('drain', () => {
  test('sends all that is due over one connection and writes it down', async () => {
    const connection = scriptedConnection(() => DELIVERED);
    const { store, courier, connects, outcomes, log } = setting(() => connection);
    await owing(store, 30);
    await courier.drain();
    expect(await rowsOwed(store)).toBe(0);
    expect(connects()).toBe(1);
    expect(new Set(connection.received.map(({ deviceToken }) => deviceToken)).size).toBe(30);
    expect(connection.received[0]).toMatchObject({
      topic: TOPIC,
      expirationS: (NOW_MS + DAY_MS) / 1000,
      payload: JSON.stringify({ aps: { 'account-id': newTarget().accountId } }),
    });
    expect(outcomes).toEqual(Array.from({ length: 30 }, () => ({ kind: 'delivered' })));
    expect(log.messages('info')).toHaveLength(30);
    const targets = await store.listTargets({});
    expect(targets.every(({ lastSuccessMs }) => lastSuccessMs === NOW_MS)).toBe(true);
  });

  test('gives nothing up for its age by a clock that was just set ahead', async () => {
    const { store, courier, clock, log } = setting(refused, { disableAfterMs: DAY_MS });
    await owing(store, 1);
    await courier.drain();
    clock.jump(30 * DAY_MS);
    await courier.drain();
    clock.advance(60_000);
    await courier.drain();
    expect(await rowsOwed(store)).toBe(1);
    expect(log.messages('warn').filter((text) => text.includes('set ahead'))).toHaveLength(1);
    clock.advance(3_600_000);
    await courier.drain();
    expect(await rowsOwed(store)).toBe(0);
  });

  test('disables no device by a clock that was just set ahead', async () => {
    const failing = tokenNumber(0);
    const answer = ({ deviceToken }: { deviceToken: string }): Answer =>
      deviceToken === failing ? { status: 500 } : DELIVERED;
    const { store, courier, clock } = setting(() => scriptedConnection(answer), { disableAfterMs: DAY_MS });
    const disabledAfter = async (ms: number): Promise<number> => {
      clock.advance(ms);
      await enqueued(store, { nowMs: clock.nowMs() });
      await courier.drain();
      return (await store.listTargets({ disabled: true })).length;
    };
    await owing(store, 2);
    await courier.drain();
    clock.jump(30 * DAY_MS);
    expect([await disabledAfter(0), await disabledAfter(60_000), await disabledAfter(60_000)]).toEqual([
      0, 0, 0,
    ]);
    expect(await disabledAfter(3_600_000)).toBe(1);
  });

  test('opens no connection where nothing is due', async () => {
    const { store, courier, connects } = setting(refused);
    await registered(store);
    await enqueued(store, { nowMs: NOW_MS + 1 });
    await courier.drain();
    expect(connects()).toBe(0);
    expect(await rowsOwed(store)).toBe(1);
  });

  test('has as many under way as the connection takes, never more', async () => {
    let [underWay, most] = [0, 0];
    const connection = scriptedConnection(async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      return DELIVERED;
    }, 4);
    const { store, courier } = setting(() => connection);
    await owing(store, 1);
    await courier.drain(); // from here on the capacity is known
    await owing(store, 19);
    most = 0;
    await courier.drain();
    expect(await rowsOwed(store)).toBe(0);
    expect(most).toBe(4);
    expect(connection.received).toHaveLength(20);
  });

  test('what is leased takes the stream that another leaves, without a look at the database', async () => {
    const connection = scriptedConnection(undefined, 2);
    const { store, courier } = setting(() => connection);
    await connected(connection, store, courier);
    await owing(store, 5);
    const drained = courier.drain();
    await pending(connection, 2);
    expect(await rowsOf(store, 'SELECT DISTINCT attempts, lease_owner FROM outbox')).toEqual([
      { attempts: 1, lease_owner: 'courier' },
    ]);
    for (let sent = 3; sent <= 5; sent += 1) {
      connection.pending[0]?.answer(DELIVERED);
      await Promise.resolve(); // no timer, no transaction
      await new Promise((resolve) => process.nextTick(resolve));
      expect(connection.received).toHaveLength(1 + sent);
    }
    for (const each of [...connection.pending]) each.answer(DELIVERED);
    await drained;
    expect(await rowsOwed(store)).toBe(0);
  });

  test('what is leased when sending comes to rest is given back as if it had not been', async () => {
    const connection = scriptedConnection(undefined, 1);
    const { store, courier } = setting(() => connection);
    await connected(connection, store, courier);
    await owing(store, 4);
    const drained = courier.drain();
    await pending(connection, 1);
    connection.pending[0]?.answer({ status: 403, reason: 'BadCertificate' });
    await drained;
    expect(connection.received).toHaveLength(2);
    expect(
      await rowsOf(store, 'SELECT attempts, lease_owner, held_by FROM outbox ORDER BY attempts'),
    ).toEqual([
      ...Array.from({ length: 3 }, () => ({ attempts: 0, lease_owner: null, held_by: null })),
      { attempts: 1, lease_owner: null, held_by: 'credential' },
    ]);
  });

  test('records the attempt before it is made', async () => {
    const connection = scriptedConnection();
    const { store, courier } = setting(() => connection);
    await owing(store, 1);
    const drained = courier.drain();
    await pending(connection, 1);
    expect(await rowsOf(store, 'SELECT attempts, attempted_ms, lease_owner FROM outbox')).toEqual([
      { attempts: 1, attempted_ms: NOW_MS, lease_owner: 'courier' },
    ]);
    expect(connection.pending[0]?.timeoutMs).toBe(ANSWER_TIMEOUT_MS);
    connection.pending[0]?.answer(DELIVERED);
    await drained;
  });

  test('a nudge makes it look again while answers are awaited', async () => {
    const connection = scriptedConnection();
    const { store, courier } = setting(() => connection);
    await owing(store, 1);
    const drained = courier.drain();
    await pending(connection, 1);
    await registered(store, { deviceToken: tokenNumber(9) });
    await enqueued(store, { apnsId: 'second' });
    courier.nudge();
    await pending(connection, 2);
    while (connection.pending.length > 0) connection.pending[0]?.answer(DELIVERED);
    // What joined the first push while it was under way is a third one.
    await pending(connection, 1);
    connection.pending[0]?.answer(DELIVERED);
    await drained;
    expect(new Set(connection.received.map(({ apnsId }) => apnsId)).size).toBe(3);
    expect(await rowsOwed(store)).toBe(0);
  });

  test('tells Apple of a folder that joined as a push of its own', async () => {
    const connection = scriptedConnection();
    const { store, courier } = setting(() => connection);
    await owing(store, 1);
    const drained = courier.drain();
    await pending(connection, 1);
    await enqueued(store, { mailboxes: [ALICES_ARCHIVE] });
    connection.pending[0]?.answer(DELIVERED);
    await pending(connection, 1);
    connection.pending[0]?.answer(DELIVERED);
    await drained;
    expect(connection.received.map(({ payload }) => payload.includes('md5 of Archive'))).toEqual([
      false,
      true,
    ]);
  });

  test('streams that are none for now keep it from a busy loop: one push waits for them', async () => {
    const connection = scriptedConnection(undefined, 0);
    const { store, courier } = setting(() => connection);
    await owing(store, 1);
    const drained = courier.drain();
    await pending(connection, 1);
    connection.capacity = 100;
    connection.pending[0]?.answer(DELIVERED);
    await drained;
    expect(await rowsOwed(store)).toBe(0);
  });

  test('sends what is fresh while a backlog is being given up, and nothing of that', async () => {
    const connection = scriptedConnection(() => DELIVERED);
    const { store, courier, clock } = setting(() => connection);
    await owing(store, 200);
    clock.advance(DAY_MS);
    const fresh = { owner: 'bob', path: 'INBOX' };
    const subscriptions = [{ ...fresh, name: 'INBOX', hash: undefined }];
    const add = async (n: number): Promise<void> => {
      await registered(store, { user: 'bob', deviceToken: tokenNumber(1000 + n), subscriptions });
      await enqueued(store, { mailboxes: [fresh], nowMs: clock.nowMs() });
    };
    await add(1);
    const drained = courier.drain();
    await received(connection, 1);
    expect(await rowsOwed(store)).toBeGreaterThan(100); // it was one turn, and time stands still
    await add(2);
    courier.nudge();
    await received(connection, 3); // the first device is told of it too
    expect(await rowsOwed(store)).toBeGreaterThan(100);
    await Promise.race([drained, keepAdvancing(clock, 20)]);
    await drained;
    expect(await rowsOwed(store)).toBe(0);
    expect(new Set(connection.received.map(({ deviceToken }) => deviceToken))).toEqual(
      new Set([tokenNumber(1001), tokenNumber(1002)]),
    );
  });

  test('a backlog has one rest at a time, however many events come meanwhile', async () => {
    const connection = scriptedConnection(() => DELIVERED);
    const { store, courier, clock } = setting(() => connection);
    const rests = vi.spyOn(clock, 'sleep');
    await owing(store, 200);
    clock.advance(DAY_MS);
    const drained = courier.drain();
    await clock.asleep();
    for (let n = 1; n <= 5; n += 1) {
      const inbox = { owner: `user${n}`, path: 'INBOX' };
      const subscriptions = [{ ...inbox, name: 'INBOX', hash: undefined }];
      await registered(store, { user: inbox.owner, deviceToken: tokenNumber(1000 + n), subscriptions });
      await enqueued(store, { mailboxes: [inbox], nowMs: clock.nowMs() });
      courier.nudge();
      await received(connection, n);
    }
    expect(rests).toHaveBeenCalledTimes(1);
    await Promise.race([drained, keepAdvancing(clock, 20)]);
    await drained;
  });

  test('what comes of age while a backlog is being given up is sent then', async () => {
    const connection = scriptedConnection(() => DELIVERED);
    const { store, courier, clock } = setting(() => connection);
    await owing(store, 200);
    clock.advance(DAY_MS);
    await registered(store, { user: 'bob', deviceToken: tokenNumber(1001) });
    await store.write((sql) =>
      sql(`UPDATE outbox SET event_ms = @nowMs, due_ms = @nowMs + 20 WHERE target_id = 1`).run({
        nowMs: clock.nowMs(),
      }),
    );
    const drained = courier.drain();
    await clock.asleep();
    expect(connection.received).toHaveLength(0);
    clock.advance(20);
    await received(connection, 1);
    expect(await rowsOwed(store)).toBeGreaterThan(0);
    await Promise.race([drained, keepAdvancing(clock, 20)]);
  });

  test('drops what is too old, and says so', async () => {
    const { store, courier, clock, log, connects } = setting(refused);
    await owing(store, 1);
    clock.advance(DAY_MS);
    await courier.drain();
    expect(await rowsOwed(store)).toBe(0);
    expect(connects()).toBe(0);
    expect(log.entries).toEqual([
      {
        level: 'error',
        message: 'gave the push up',
        fields: { user: 'alice', deviceToken: expect.any(String) as string, reason: 'never tried' },
      },
    ]);
  });
});

describe('the end of a drain', () => {
  test('at its deadline nothing more is begun, and what was is written down', async () => {
    const connection = scriptedConnection(undefined, 1);
    const { store, courier, clock } = setting(() => connection);
    await connected(connection, store, courier);
    await owing(store, 3);
    const drained = courier.drain(clock.steadyMs() + 4000);
    await pending(connection, 1);
    expect(connection.pending[0]?.timeoutMs).toBe(4000);
    clock.advance(4000);
    connection.pending[0]?.fail(new NoAnswer('no answer within 4000 ms', { perhapsProcessed: true }));
    await drained;
    expect(connection.received).toHaveLength(2);
    const rows = await rowsOf(store, 'SELECT attempts, held_by, lease_owner FROM outbox ORDER BY attempts');
    expect(rows).toEqual([
      { attempts: 0, held_by: null, lease_owner: null },
      { attempts: 0, held_by: null, lease_owner: null },
      { attempts: 1, held_by: 'connection', lease_owner: null },
    ]);
  });

  test('a signal lets what is under way have its answer and leaves the rest', async () => {
    const connection = scriptedConnection(undefined, 1);
    const { store, courier } = setting(() => connection);
    await owing(store, 1);
    const abort = new AbortController();
    const drained = courier.drain(Infinity, abort.signal);
    await pending(connection, 1);
    await owing(store, 3);
    abort.abort();
    courier.nudge();
    connection.pending[0]?.answer(DELIVERED);
    await drained;
    expect(connection.received).toHaveLength(1);
    expect(await rowsOf(store, 'SELECT attempts, lease_owner FROM outbox')).toEqual(
      Array.from({ length: 3 }, () => ({ attempts: 0, lease_owner: null })),
    );
    await courier.drain(Infinity, abort.signal);
    expect(connection.received).toHaveLength(1);
  });
});

describe('when Apple cannot be reached', () => {
  test('all that waited fails together, counts once, and sending rests', async () => {
    const { store, courier, clock, connects, outcomes } = setting(refused);
    await owing(store, 12);
    await courier.drain();
    expect(connects()).toBe(1);
    expect(outcomes).toHaveLength(12);
    expect(courier.restMs).toBe(backoffMs(1, 0.5));
    const held = await rowsOf(store, `SELECT DISTINCT held_by, attempts, last_reason, due_ms FROM outbox`);
    expect(held).toEqual([
      {
        held_by: 'connection',
        attempts: 1,
        last_reason: 'connection refused',
        due_ms: NOW_MS + backoffMs(1, 0.5),
      },
    ]);
    await enqueued(store);
    clock.advance(backoffMs(1, 0.5) - 1);
    await courier.drain();
    expect(connects()).toBe(1);
  });

  test('the rest ends when somebody wants the next attempt now', async () => {
    let reachable = false;
    const { store, courier } = setting(() => (reachable ? scriptedConnection(() => DELIVERED) : refused()));
    await owing(store, 2);
    await courier.drain();
    await store.makeAllDue(NOW_MS);
    reachable = true;
    await courier.drain();
    expect(await rowsOwed(store)).toBe(2);
    courier.nudge('retry');
    await courier.drain();
    expect(await rowsOwed(store)).toBe(0);
  });

  test('the rest grows with each failure, and an answer ends it', async () => {
    let reachable = false;
    const connection = scriptedConnection(() => DELIVERED);
    const { store, courier, clock } = setting(() => (reachable ? connection : refused()));
    await owing(store, 1);
    const rests = [];
    for (let n = 0; n < 3; n += 1) {
      await enqueued(store, { nowMs: clock.nowMs() });
      await courier.drain();
      rests.push(courier.restMs);
      clock.advance(courier.restMs);
    }
    expect(rests).toEqual([1, 2, 3].map((failures) => backoffMs(failures, 0.5)));
    reachable = true;
    await enqueued(store, { nowMs: clock.nowMs() });
    await courier.drain();
    expect(await rowsOwed(store)).toBe(0);
    reachable = false;
    connection.open = false;
    await enqueued(store, { nowMs: clock.nowMs() });
    await courier.drain();
    expect(courier.restMs).toBe(backoffMs(1, 0.5));
  });

  test('one success makes everything due that waited for the connection', async () => {
    let reachable = false;
    const connection = scriptedConnection(() => DELIVERED);
    const { store, courier, clock } = setting(() => (reachable ? connection : refused()));
    await owing(store, 5);
    await courier.drain();
    // All but one would wait for long.
    await store.write((sql) =>
      sql('UPDATE outbox SET due_ms = ? WHERE target_id > 1').run(NOW_MS + DAY_MS / 2),
    );
    reachable = true;
    clock.advance(backoffMs(1, 0.5));
    await courier.drain();
    expect(await rowsOwed(store)).toBe(0);
    expect(connection.received).toHaveLength(5);
  });

  test('a connection that is lost after it gave an answer is no rest: the next push makes a new one', async () => {
    const lost = new NoAnswer('connection reset', { perhapsProcessed: true });
    const first = scriptedConnection((_push, index) => (index === 0 ? DELIVERED : lost));
    const connections = [first, scriptedConnection(() => DELIVERED)];
    const { store, courier, clock } = setting(() => connections.shift() as ApnsConnection);
    await owing(store, 1);
    await courier.drain();
    await enqueued(store);
    await courier.drain();
    expect(courier.restMs).toBe(0);
    expect(await rowsOf(store, 'SELECT held_by, due_ms FROM outbox')).toEqual([
      { held_by: 'connection', due_ms: NOW_MS + backoffMs(1, 0.5) },
    ]);
    clock.advance(backoffMs(1, 0.5));
    await courier.drain();
    expect(await rowsOwed(store)).toBe(0);
  });

  test('what Apple did not process goes again at once, with the same apns-id, but not for ever', async () => {
    const goAway = new NoAnswer('GOAWAY', { perhapsProcessed: false });
    const connections: ReturnType<typeof scriptedConnection>[] = [];
    // The first connection takes the pushes to others.
    const last = tokenNumber(5);
    const { store, courier } = setting(() => {
      const connection = scriptedConnection(({ deviceToken }) => (deviceToken === last ? goAway : DELIVERED));
      connections.push(connection);
      return connection;
    });
    await owing(store, 6);
    await courier.drain();
    const received = connections.flatMap((connection) => connection.received);
    const refused = received.filter(({ deviceToken }) => deviceToken === last);
    expect(refused.length).toBeGreaterThan(1);
    expect(refused.length).toBeLessThanOrEqual(MAX_IMMEDIATE_ATTEMPTS);
    expect(new Set(refused.map(({ apnsId }) => apnsId)).size).toBe(1);
    expect(await rowsOwed(store)).toBe(1);
  });
});

describe('what Apple says', () => {
  async function answered(answer: Answer, count = 1): Promise<Setting> {
    const made = setting(() => scriptedConnection(() => answer));
    await owing(made.store, count);
    await made.courier.drain();
    return made;
  }

  test('a refused credential: sending rests, every row and target stays', async () => {
    const { store, courier, clock, log } = await answered({ status: 403, reason: 'BadCertificate' }, 3);
    expect(courier.restMs).toBe(60_000);
    expect(await rowsOf(store, 'SELECT DISTINCT held_by FROM outbox')).toEqual([{ held_by: 'credential' }]);
    expect(await rowsOwed(store)).toBe(3);
    expect(await store.listTargets({})).toHaveLength(3);
    const told = ['Apple refuses the certificate: nothing more is sent for now, every push is kept'];
    expect(log.messages('error')).toEqual(told);
    clock.advance(59_999);
    await courier.drain();
    expect(await rowsOwed(store)).toBe(3);
    clock.advance(1);
    await courier.drain();
    expect(log.messages('error')).toEqual(told);
  });

  test('another credential delivers what waited for one', async () => {
    const answers: Answer[] = [{ status: 403, reason: 'BadCertificate' }];
    const connection = scriptedConnection(() => answers.shift() ?? DELIVERED);
    const { store, courier, clock } = setting(() => connection);
    await owing(store, 1);
    await courier.drain();
    clock.advance(60_000);
    await registered(store, { deviceToken: tokenNumber(7) });
    await enqueued(store, { nowMs: clock.nowMs() });
    await courier.drain();
    expect(await rowsOwed(store)).toBe(0);
  });

  test('a renewed credential sends at once what the old one kept, however often that was refused', async () => {
    const refusing = scriptedConnection(() => ({ status: 403, reason: 'BadCertificate' }));
    const renewed = scriptedConnection(() => DELIVERED);
    const routeOver = (connection: ApnsConnection, fingerprint: string): Route =>
      new Route(
        { topic: TOPIC, topics: [TOPIC], fingerprint },
        createLine(() => Promise.resolve(connection)),
      );
    let routes = [routeOver(refusing, 'old')];
    const { store, courier, clock } = setting(refused, { routes: () => routes });
    await owing(store, 3);
    for (let hour = 0; hour < 6; hour += 1) {
      await courier.drain();
      clock.advance(3_600_000);
    }
    await courier.drain();
    routes = [routeOver(renewed, 'new')];
    await courier.drain();
    expect(renewed.received).toHaveLength(3);
    expect(await rowsOwed(store)).toBe(0);
  });

  test('of many that waited for a renewed credential the first are sent before the last are due', async () => {
    const [old, renewed] = [
      scriptedConnection(() => ({ status: 403, reason: 'BadCertificate' })),
      scriptedConnection(() => DELIVERED),
    ];
    const routeOver = (connection: ApnsConnection, fingerprint: string): Route[] => [
      new Route(
        { topic: TOPIC, topics: [TOPIC], fingerprint },
        createLine(() => Promise.resolve(connection)),
      ),
    ];
    let routes = routeOver(old, 'old');
    const { store, courier, clock } = setting(refused, { routes: () => routes });
    await owing(store, 120);
    await store.write((sql) =>
      sql(`UPDATE outbox SET due_ms = @laterMs, held_by = 'credential'`).run({
        laterMs: NOW_MS + DAY_MS / 2,
      }),
    );
    await courier.drain();
    routes = routeOver(renewed, 'new');
    const drained = courier.drain();
    await received(renewed, 1); // while time stands still, and with it what comes in turns
    await Promise.race([drained, keepAdvancing(clock, 20)]);
    await drained;
    expect(renewed.received).toHaveLength(120);
  });

  test('a renewed credential is taken up while pushes are under way over the old one', async () => {
    const [old, renewed] = [scriptedConnection(), scriptedConnection(() => DELIVERED)];
    const routeOver = (connection: ApnsConnection, fingerprint: string): Route[] => [
      new Route(
        { topic: TOPIC, topics: [TOPIC], fingerprint },
        createLine(() => Promise.resolve(connection)),
      ),
    ];
    let routes = routeOver(old, 'old');
    const { store, courier } = setting(refused, { routes: () => routes });
    await owing(store, 1);
    const drained = courier.drain();
    await pending(old, 1);
    routes = routeOver(renewed, 'new');
    await registered(store, { deviceToken: tokenNumber(9) });
    await enqueued(store, { apnsId: 'second' });
    courier.nudge();
    await eventually(
      () => renewed.received.length,
      (count) => count === 1,
    );
    expect(old.pending).toHaveLength(1);
    old.pending[0]?.answer(DELIVERED);
    await drained;
    expect(await rowsOwed(store)).toBe(0);
  });

  test('the topic is wrong: that target waits, sending goes on', async () => {
    const { store, courier, log } = await answered({ status: 400, reason: 'DeviceTokenNotForTopic' });
    expect(courier.restMs).toBe(0);
    expect(await rowsOf(store, 'SELECT held_by FROM outbox')).toEqual([{ held_by: 'topic' }]);
    expect(log.messages('error')).toHaveLength(1);
  });

  test.each(['TopicDisallowed', 'DeviceTokenNotForTopic', 'BadTopic', 'MissingTopic'])(
    '%s for every device: a few are asked about, the others wait unasked, and a success wakes them',
    async (reason) => {
      let isRefused = true;
      const connection = scriptedConnection(() => (isRefused ? { status: 400, reason } : DELIVERED));
      const { store, courier, clock, log } = setting(() => connection);
      await owing(store, 300);
      while (clock.nowMs() < NOW_MS + 55_000) {
        await courier.drain();
        clock.advance(1000);
      }
      expect(connection.received).toHaveLength(MAX_REFUSED_DEVICES);
      expect(await rowsOf(store, 'SELECT DISTINCT held_by FROM outbox')).toEqual([{ held_by: 'topic' }]);
      expect(await rowsOwed(store)).toBe(300);
      const [rests, ...more] = log.messages('error').filter((message) => /one device after/.test(message));
      expect([rests, more]).toEqual([expect.stringMatching(/^Apple refuses the topic/), []]);
      isRefused = false;
      clock.advance(300_000);
      await courier.drain();
      expect(await rowsOwed(store)).toBe(0);
    },
  );

  test('a storm of 410 takes a share of the devices, says so once, and goes on after a success', async () => {
    const gone: Answer = { status: 410, reason: 'Unregistered', timestampMs: NOW_MS };
    const living = tokenNumber(299);
    let isOver = false;
    const connection = scriptedConnection(({ deviceToken }) =>
      isOver && deviceToken === living ? DELIVERED : gone,
    );
    const { store, courier, clock, log } = setting(() => connection);
    await owing(store, 300);
    await courier.drain();
    const left = async (): Promise<number> => (await store.listTargets({})).length;
    expect(await left()).toBe(285);
    expect(await rowsOf(store, 'SELECT DISTINCT held_by FROM outbox')).toEqual([{ held_by: 'gone' }]);
    expect(log.messages('error')).toEqual([expect.stringMatching(/too many devices in a row/)]);
    isOver = true;
    clock.advance(60_000);
    await courier.drain();
    expect(await left()).toBeLessThan(285);
    expect((await store.listTargets({})).some(({ deviceToken }) => deviceToken === living)).toBe(true);
  });

  test('the device is gone', async () => {
    const { store } = await answered({ status: 410, reason: 'Unregistered', timestampMs: NOW_MS });
    expect(await store.listTargets({})).toEqual([]);
    expect(await rowsOwed(store)).toBe(0);
  });

  test('500 twice and then 200: one push with one apns-id', async () => {
    const answers = [500, 500, 200].map((status): Answer => ({ status }));
    const connection = scriptedConnection((_push, index) => answers[index] as Answer);
    const { store, courier, clock } = setting(() => connection);
    await owing(store, 1);
    for (const attempt of [1, 2, 3]) {
      await courier.drain();
      expect(connection.received).toHaveLength(attempt);
      clock.advance(backoffMs(attempt, 0.5));
    }
    expect(await rowsOwed(store)).toBe(0);
    expect(new Set(connection.received.map(({ apnsId }) => apnsId)).size).toBe(1);
  });

  test('Retry-After is kept', async () => {
    const { store } = await answered({ status: 429, reason: 'TooManyRequests', retryAfterMs: 700_000 });
    expect(await store.countDue()).toEqual({ rows: 1, nextMs: NOW_MS + 700_000 });
    expect(await rowsOf(store, 'SELECT held_by FROM outbox')).toEqual([{ held_by: 'device' }]);
  });
});

describe('what is never sent', () => {
  test('a push whose topic the certificate does not cover', async () => {
    const connection = scriptedConnection(() => DELIVERED);
    const { store, courier, connects, outcomes } = setting(() => connection);
    await registered(store, { topic: 'com.apple.mail.XServer.other' });
    await enqueued(store);
    await courier.drain();
    expect(connects()).toBe(0);
    expect(outcomes).toEqual([{ kind: 'misconfigured', reason: 'TopicNotCovered', scope: 'topic' }]);
    expect(await rowsOf(store, 'SELECT held_by, last_reason FROM outbox')).toEqual([
      { held_by: 'topic', last_reason: 'TopicNotCovered' },
    ]);
    await registered(store);
    await enqueued(store);
    await courier.drain();
    expect(connection.received).toMatchObject([{ topic: TOPIC }]);
  });
});

describe('a bug of ours', () => {
  test('in the middle of a push keeps the row, and the others are sent', async () => {
    const connection = scriptedConnection(({ deviceToken }) =>
      deviceToken === tokenNumber(1) ? new TypeError('x is undefined') : DELIVERED,
    );
    const { store, courier, log } = setting(() => connection);
    await owing(store, 3);
    await courier.drain();
    const rows = await rowsOf(
      store,
      'SELECT device_token AS token, attempts, last_reason AS reason, lease_owner AS lease FROM outbox JOIN targets ON id = target_id',
    );
    expect(rows).toMatchObject([{ token: tokenNumber(1), reason: 'x is undefined', lease: null }]);
    expect(log.messages('warn')).toContain('not delivered, will be tried again');
    expect(await store.listTargets({})).toHaveLength(3);
  });
});
