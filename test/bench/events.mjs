// Events a second into `serve` through Cyrus's notify socket, until each is committed: one connection an event, as Cyrus
// makes them, each for another user with a device. Nothing is delivered meanwhile: nobody listens where Apple should be.
import { existsSync } from 'node:fs';
import { ended, createSandbox, runScript } from './sandbox.mjs';
import { median, pause, perSecond, processorMsOf, syncMs } from './numbers.mjs';
import { countOutbox, fillTargets } from './targets.mjs';

const EVENTS = 10_000;

/** Before: V8 compiles what runs often, and `serve` runs for weeks. */
const FIRST_EVENTS = 5000;
const CLIENTS = 32;
const ROUNDS = 3;
const NOBODY = 'https://127.0.0.1:9'; // discard
const GOAL = 3000;

export async function events({ mock }) {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) rounds.push(await measured(mock));
  const [rate, cost, sync] = ['rate', 'costUs', 'syncMs'].map((key) => median(rounds.map((one) => one[key])));
  const both = await inAndOut(mock);
  return [
    {
      what: 'serve: events in through the dlist socket, committed',
      goal: '>= 3,000/s on two cores',
      ratio: rate / GOAL,
      raw: `${perSecond(rate)}; ${Math.round(cost)} us of processor an event; a sync takes ${sync.toFixed(2)} ms`,
      limit: 'accepting and reading a connection each; fsync where the disk is slow',
    },
    {
      what: 'the same, and every push delivered meanwhile',
      goal: 'reported',
      raw: perSecond(both),
      limit: 'client, serve and mock share two cores',
    },
  ];
}

async function measured(mock) {
  const sandbox = createSandbox({ mock, server: NOBODY, yaml: 'delivery: { throttle: 0s }\n' });
  try {
    await fillTargets(sandbox.store, FIRST_EVENTS + EVENTS, mock.topic);
    const serve = await started(sandbox);
    await tell(sandbox, FIRST_EVENTS);
    const beforeMs = processorMsOf(serve);
    const { rate } = await tell(sandbox, EVENTS, FIRST_EVENTS);
    const costUs = ((processorMsOf(serve) - beforeMs) * 1000) / EVENTS;
    const owed = await countOutbox(sandbox.store);
    if (owed !== FIRST_EVENTS + EVENTS)
      throw new Error(`${owed} events are committed, not all that were sent`);
    await ended(serve);
    return { rate, costUs, syncMs: syncMs(sandbox.dir) };
  } finally {
    await sandbox.close();
  }
}

/** Events a second from the first event to the last push. */
async function inAndOut(mock) {
  const sandbox = createSandbox({ mock, yaml: 'delivery: { throttle: 0s }\n' });
  try {
    await fillTargets(sandbox.store, EVENTS, mock.topic);
    await started(sandbox);
    const counted = await mock.expect(EVENTS);
    const beginMs = Date.now();
    await tell(sandbox, EVENTS);
    return (EVENTS * 1000) / ((await counted()).lastMs - beginMs);
  } finally {
    await sandbox.close();
  }
}

/** `serve` with its doors open. */
export async function started(sandbox) {
  const serve = sandbox.start(['serve']);
  while (!existsSync(sandbox.socket)) {
    if (serve.exitCode !== null) throw new Error('serve has ended');
    await pause(20);
  }
  return serve;
}

/** For the users from `first` on. */
export function tell({ socket }, count, first = 0) {
  return runScript('events-client.mjs', { socket, count, first, concurrency: CLIENTS });
}
