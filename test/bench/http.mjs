// What Dovecot's XAPS plugin asks of `serve`, beside the least that does it in memory: requests a second and processor
// time. Client, server and the stand-in for Apple share the machine.
import { createServer } from 'node:net';
import { median, perSecond, processorMsOf } from './numbers.mjs';
import { createSandbox, ended, forkScript, runScript } from './sandbox.mjs';
import { started } from './events.mjs';
import { countOutbox, fillTargets } from './targets.mjs';

const REQUESTS = 10_000;

/** Before: V8 compiles what runs often, and `serve` runs for weeks. */
const FIRST_REQUESTS = 5000;
const ROUNDS = 3;

export async function http({ mock }) {
  const rows = [];
  for (const connections of [20, 100, 400]) rows.push(...(await notifyRows(mock, connections)));
  rows.push(...(await registerRows(mock, 100)));
  return rows;
}

async function notifyRows(mock, connections) {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const relay = await ofRelay(mock, '/notify', connections);
    rounds.push({ relay, ours: await ofServe(mock, '/notify', connections) });
  }
  const what = `/notify to push, ${connections} connections`;
  return [
    row(`${what}: requests a second`, '>= 0.95 x a relay in memory', rounds, 'pushRate', perSecond),
    row(`${what}: processor time`, '<= 1.25 x the relay', rounds, 'costUs', microseconds),
  ];
}

async function registerRows(mock, connections) {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const relay = await ofRelay(mock, '/register', connections);
    rounds.push({
      relay,
      ours: await ofServe(mock, '/register', connections, 'imapd.conf'),
      certificate: await ofServe(mock, '/register', connections),
    });
  }
  const what = `/register, ${connections} connections`;
  const topics = { ours: 'aps_topic of imapd.conf', certificate: 'topic of the certificate' };
  return Object.entries(topics).map(([key, topic]) =>
    row(`${what}, ${topic}`, '>= 0.85 x a constant answer', rounds, 'rate', perSecond, key),
  );
}

function row(what, goal, rounds, key, say, whose = 'ours') {
  const ratio = median(rounds.map((one) => one[whose][key] / one.relay[key]));
  const [ours, relay] = [whose, 'relay'].map((name) => median(rounds.map((one) => one[name][key])));
  return { what, goal, ratio, raw: `${say(ours)} beside ${say(relay)}`, limit: 'one thread of node:http' };
}

function microseconds(us) {
  return `${Math.round(us)} us`;
}

async function ofRelay(mock, path, connections) {
  const child = forkScript('relay.mjs');
  try {
    child.send({ ...mock, expect: undefined, close: undefined });
    const { port } = await new Promise((resolve, reject) => {
      child.once('message', resolve);
      child.once('exit', () => reject(new Error('the relay has ended')));
    });
    return await measured(mock, child, port, path, connections);
  } finally {
    await ended(child);
  }
}

async function ofServe(mock, path, connections, topicFrom = 'the certificate') {
  const port = await freePort();
  const sandbox = createSandbox({
    mock,
    yaml: 'delivery: { throttle: 0s }\n',
    http: `127.0.0.1:${port}`,
    imapdConf: topicFrom === 'imapd.conf' ? `aps_topic: ${mock.topic}\n` : '',
    logLevel: 'info', // what people run
    logFile: true,
  });
  try {
    if (path === '/notify') await fillTargets(sandbox.store, FIRST_REQUESTS + REQUESTS, mock.topic);
    const serve = await started(sandbox);
    const result = await measured(mock, serve, port, path, connections);
    await ended(serve);
    const left = await countOutbox(sandbox.store);
    if (left > 0) throw new Error(`${left} pushes still wait`);
    return result;
  } finally {
    await sandbox.close();
  }
}

async function measured(mock, server, port, path, connections) {
  const pushes = path === '/notify' ? 1 : 0;
  await once(mock, { port, path, connections, count: FIRST_REQUESTS }, pushes);
  const beforeMs = processorMsOf(server);
  const rates = await once(mock, { port, path, connections, count: REQUESTS, first: FIRST_REQUESTS }, pushes);
  return { ...rates, costUs: ((processorMsOf(server) - beforeMs) * 1000) / REQUESTS };
}

/** Requests a second; and until the last of their pushes is with Apple, where they make any. */
async function once(mock, task, pushes) {
  const counted = pushes > 0 ? await mock.expect(task.count) : undefined;
  const beginMs = Date.now();
  const { rate } = await runScript('http-client.mjs', task);
  if (counted === undefined) return { rate };
  return { rate, pushRate: (task.count * 1000) / ((await counted()).lastMs - beginMs) };
}

export function freePort() {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
