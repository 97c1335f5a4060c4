// Events a second out of the spool, a file each, and by POST /events with 500 of them in a request, until each is
// committed; each for another user with a device. Nothing is delivered meanwhile: nobody listens where Apple should be.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { started } from './events.mjs';
import { freePort } from './http.mjs';
import { eventFor } from './notify.mjs';
import { median, pause, perSecond, processorMsOf, syncMs } from './numbers.mjs';
import { createSandbox, ended } from './sandbox.mjs';
import { countOutbox, fillTargets } from './targets.mjs';

const FILES = [3000, 60_000];
const SPOOL_GOAL = 6000;
export const EVENTS = 20_000;
const A_REQUEST = 500;
const EVENTS_GOAL = 15_000;
const ROUNDS = 3;
const NOBODY = 'https://127.0.0.1:9'; // discard

export async function spool({ mock }) {
  const rows = [];
  for (const files of FILES) {
    const rounds = [];
    for (let round = 0; round < (files > 10_000 ? 1 : ROUNDS); round += 1)
      rounds.push(await drained(mock, files));
    rows.push(rowOf(`spool: ${files.toLocaleString('en')} files taken`, SPOOL_GOAL, rounds));
  }
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) rounds.push(await posted(mock));
  return [...rows, rowOf(`POST /events, ${A_REQUEST} a request, committed`, EVENTS_GOAL, rounds)];
}

function rowOf(what, goal, rounds) {
  const [rate, costUs, sync] = ['rate', 'costUs', 'sync'].map((key) => median(rounds.map((one) => one[key])));
  const raw = `${perSecond(rate)}; ${Math.round(costUs)} us of processor an event; a sync takes ${sync.toFixed(2)} ms`;
  return {
    what,
    goal: `>= ${goal.toLocaleString('en')}/s`,
    ratio: rate / goal,
    raw,
    limit: 'SQLite; the file system',
  };
}

async function drained(mock, files) {
  return withServe(mock, files, {
    prepare: ({ dir }) => fill(join(dir, 'spool'), files),
    take: async ({ dir, store }) => {
      const folder = join(dir, 'spool', 'new');
      while (readdirSync(folder).length > 0 || (await countOutbox(store)) < files) await pause(50);
    },
  });
}

/** `clients` ask one after the other each; into the PostgreSQL of that URL, where one is given, which has the devices. */
export async function posted(mock, { url, clients = 1 } = {}) {
  const port = await freePort();
  return withServe(mock, EVENTS, {
    url,
    http: `127.0.0.1:${port}`,
    take: () => Promise.all(Array.from({ length: clients }, (_, client) => post(port, client, clients))),
  });
}

async function post(port, client, clients) {
  for (let first = client * A_REQUEST; first < EVENTS; first += clients * A_REQUEST) {
    const body = Array.from({ length: A_REQUEST }, (_, n) => eventFor(first + n)).join('\n');
    const headers = { 'Content-Type': 'application/x-ndjson' };
    const answer = await fetch(`http://127.0.0.1:${port}/events`, { method: 'POST', headers, body });
    if (answer.status !== 202) throw new Error(`answered ${answer.status}: ${await answer.text()}`);
  }
}

/** Rate and cost from when `serve` has its doors open. */
async function withServe(mock, events, { http, url, prepare = () => undefined, take }) {
  const sandbox = createSandbox({ mock, server: NOBODY, http, url, yaml: 'delivery: { throttle: 0s }\n' });
  try {
    if (url === undefined) await fillTargets(sandbox.store, events, mock.topic);
    prepare(sandbox);
    const serve = await started(sandbox);
    const [beginMs, beforeMs] = [performance.now(), processorMsOf(serve)];
    await take(sandbox);
    const tookMs = performance.now() - beginMs;
    const costUs = ((processorMsOf(serve) - beforeMs) * 1000) / events;
    const waiting = await countOutbox(sandbox.store);
    if (waiting !== events) throw new Error(`${waiting} events are committed, not all that were given`);
    await ended(serve);
    return { rate: (events * 1000) / tookMs, costUs, sync: syncMs(sandbox.dir) };
  } finally {
    await sandbox.close();
  }
}

function fill(spoolFolder, files) {
  const folder = join(spoolFolder, 'new');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (let n = 0; n < files; n += 1)
    writeFileSync(join(folder, `${String(n).padStart(8, '0')}.json`), eventFor(n), { mode: 0o600 });
}
