// What `serve` does with a backlog older than `delivery.give_up`, a million pushes for a million devices: how long an
// event waits meanwhile, and until its push is with Apple; and what the index that finds the old ones costs each event.
import { randomUUID } from 'node:crypto';
import { copyFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { started } from './events.mjs';
import { median, memoryOf, pause } from './numbers.mjs';
import { createSandbox, runScript } from './sandbox.mjs';
import { tokenOf } from './pushes.mjs';
import { countOutbox, fillBacklog } from './targets.mjs';
import './typescript.mjs';

const { openStore } = await import('../../src/store/open.ts');
const { openDatabase } = await import('../../src/store/sqlite/database.ts');

const PUSHES = 1_000_000;
const DAY_MS = 86_400_000;
const LONGEST_WAIT_GOAL_MS = 500;
const MEMORY_GOAL_MIB = 120;
const LOOK_INTERVAL_MS = 500;

/** Of users whose old push the event joins: it is new again, and told. */
const EVENTS = 2000;
const EVENT_INTERVAL_MS = 20;

/** A backlog that takes longer is a fault. */
const TIMEOUT_MS = 300_000;

export async function backlog({ mock, storeOf }) {
  const file = await storeOf(PUSHES);
  const { events, pushes, tookMs, peakMiB, logBytes } = await givenUp(mock, file);
  const { ratio, us } = await indexCost(await storeOf(INDEX_DEVICES));
  return [
    {
      what: '1,000,000 pushes older than give_up: the longest that an event waits for its answer',
      goal: '<= 500 ms',
      ratio: events.longestMs / LONGEST_WAIT_GOAL_MS,
      raw: `${Math.round(events.longestMs)} ms of ${events.count} events, ${events.medianMs.toFixed(1)} ms in the middle; all dropped in ${Math.round(tookMs / 1000)} s; ${logBytes} bytes of log`,
      limit: 'a turn of some 20 ms, and as long again for others; the disk',
    },
    {
      what: 'the same: the longest until the push of an event is with Apple',
      goal: '<= 500 ms',
      ratio: pushes.longestMs / LONGEST_WAIT_GOAL_MS,
      raw: `${pushes.longestMs} ms, ${pushes.medianMs} ms in the middle`,
      limit: 'the same, and the lease of it',
    },
    {
      what: 'the same: resident memory of serve',
      goal: '<= 120 MiB',
      ratio: peakMiB / MEMORY_GOAL_MIB,
      raw: `${peakMiB} MiB at most`,
      limit: 'Node itself is 45 MiB of code',
    },
    {
      what: 'an event into the outbox, with the index that finds old ones -> without',
      goal: 'reported',
      ratio,
      raw: us.map((one) => `${one.toFixed(1)} us`).join(' -> '),
      limit: 'one page of the index more',
    },
  ];
}

async function givenUp(mock, file) {
  const sandbox = createSandbox({ mock, logFile: true, yaml: 'delivery: { throttle: 0s }\n' });
  try {
    copyFileSync(file, sandbox.store);
    await fillBacklog(sandbox.store, Date.now() - 2 * DAY_MS);
    const beginMs = Date.now();
    const counted = await mock.expect(EVENTS);
    const serve = await started(sandbox);
    const telling = runScript('waiting-client.mjs', {
      ...{ socket: sandbox.socket, count: EVENTS, intervalMs: EVENT_INTERVAL_MS, devices: PUSHES },
    });
    const [events, tookMs, { arrivals }] = await Promise.all([
      telling,
      untilEmpty(sandbox, beginMs),
      counted(),
    ]);
    return {
      ...{ events, tookMs, pushes: waitsOf(events.told, new Map(arrivals)) },
      peakMiB: memoryOf(serve).peakMiB,
      logBytes: statSync(join(sandbox.dir, 'log'), { throwIfNoEntry: false })?.size ?? 0,
    };
  } finally {
    await sandbox.close();
  }
}

/** From the event to the push, by the clock of the one machine. */
function waitsOf(told, arrivals) {
  const waits = told.map(([user, atMs]) => arrivals.get(tokenOf(user)) - atMs).sort((a, b) => a - b);
  return { medianMs: waits[Math.floor(waits.length / 2)], longestMs: waits.at(-1) };
}

async function untilEmpty({ store }, beginMs) {
  for (;;) {
    const left = await countOutbox(store);
    if (left === 0) return Date.now() - beginMs;
    if (Date.now() - beginMs > TIMEOUT_MS) throw new Error(`${left} pushes are not dropped yet`);
    await pause(LOOK_INTERVAL_MS);
  }
}

const INDEX_DEVICES = 100_000;
const ROUNDS = 15;
const EVENTS_A_ROUND = 300;

/** One store with the index and one without, turn by turn; a transaction an event, which is not awaited for the disk. */
async function indexCost(file) {
  const files = ['with', 'without'].map((name) => `${file}.${name}`);
  for (const copy of files) copyFileSync(file, copy);
  const database = openDatabase(files[1], { create: false });
  await database.write((sql) => sql('DROP INDEX outbox_by_event').run());
  database.close();
  const stores = files.map((copy) => openStore(copy, { create: false, batched: true }));
  try {
    const rounds = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const order = round % 2 === 0 ? [0, 1] : [1, 0];
      const us = [];
      for (const which of order) us[which] = await enqueueUs(stores[which], round * EVENTS_A_ROUND);
      rounds.push(us);
    }
    const us = [0, 1].map((which) => median(rounds.map((one) => one[which])));
    return { ratio: median(rounds.map(([first, second]) => first / second)), us };
  } finally {
    for (const store of stores) store.close();
  }
}

/** Processor time, which other processes change less than the time that passes. */
async function enqueueUs(store, first) {
  const timing = { throttleMs: 0, housekeepingDelayMs: 0 };
  const before = process.cpuUsage();
  for (let n = first; n < first + EVENTS_A_ROUND; n += 1)
    await store.enqueue({
      ...{ event: 'MessageNew', mailboxes: [{ owner: `user${n}`, path: 'INBOX' }], nowMs: Date.now() },
      ...{ newApnsId: randomUUID, timing },
    });
  const { user, system } = process.cpuUsage(before);
  return (user + system) / EVENTS_A_ROUND;
}
