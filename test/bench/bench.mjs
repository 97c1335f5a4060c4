// Prints what one machine does in one run: real processes on the loopback, bounded in count and time, ended and removed
// at the end. Needs the built program. Names of parts as arguments run only those.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backlog } from './backlog.mjs';
import { cluster } from './cluster.mjs';
import { events } from './events.mjs';
import { far } from './far.mjs';
import { http } from './http.mjs';
import { latency } from './latency.mjs';
import { lookup } from './lookup.mjs';
import { memory } from './memory.mjs';
import { startMock } from './mock.mjs';
import { processorCosts } from './processor-costs.mjs';
import { spool } from './spool.mjs';
import { fillCalendars, fillTargets } from './targets.mjs';
import { throughput } from './throughput.mjs';

const PARTS = {
  processes,
  processor: processorCosts,
  throughput,
  far,
  events,
  http,
  spool,
  lookup,
  memory,
  backlog,
  latency,
  cluster,
};
const COLUMNS = ['what', 'goal', 'measured', 'raw', 'limit'];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(PARTS, name));
if (unknown.length > 0) {
  process.stderr.write(`no such part: ${unknown.join(', ')}; there are: ${Object.keys(PARTS).join(', ')}\n`);
  process.exit(64);
}
const dir = mkdtempSync(join(tmpdir(), 'xapplepush-bench-'));
const mock = await startMock();
try {
  process.stdout.write(`${COLUMNS.join(' | ')}\n`);
  for (const [name, part] of Object.entries(PARTS))
    if (wanted.length === 0 || wanted.includes(name)) await show(part);
} finally {
  await mock.close();
  rmSync(dir, { recursive: true, force: true });
}

async function show(part) {
  for (const { what, goal, ratio, raw, limit } of await part({ mock, storeOf, calendarsOf })) {
    const measured = ratio === undefined ? '' : `${ratio.toFixed(2)} x`;
    process.stdout.write(`${[what, goal, measured, raw, limit].join(' | ')}\n`);
  }
}

/** Whole processes, as a mail server starts them. */
async function processes() {
  const { processCosts } = await import('./process-costs.mjs');
  const rows = await processCosts(() => undefined);
  return rows.map((row) => ({ ...row, goal: `<= ${row.goal} x`, raw: rawOf(row) }));
}

function rawOf({ raw }) {
  return `${raw.ms.toFixed(1)} ms beside ${raw.baseMs.toFixed(1)} ms`;
}

/** The file of a store with so many targets, made once. */
async function storeOf(targets) {
  const file = join(dir, `${targets}.db`);
  if (!existsSync(file)) await fillTargets(file, targets, mock.topic);
  return file;
}

/** The same with subscriptions to calendars. */
async function calendarsOf(subscriptions) {
  const file = join(dir, `${subscriptions}-calendars.db`);
  if (!existsSync(file)) await fillCalendars(file, subscriptions);
  return file;
}
