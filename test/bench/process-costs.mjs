// What it costs to start us for an event, as ratios to a bare Node: whole processes, each beside the one that it is
// measured against, so that the noise of the machine meets both.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(new URL('../../bin/xapplepush', import.meta.url));
const SPOOL_COMMAND = fileURLToPath(new URL('../../bin/xapplepush-spool', import.meta.url));
const BARE_PUSH = fileURLToPath(new URL('bare-push.cjs', import.meta.url));
const NOTIFYD_ARGUMENTS = ['-c', 'EVENT', '-p', '', '-u', '', '-m', '', '-f'];
const RUNS = Number(process.env.BENCH_RUNS ?? 60);
const DEVICE_TOKEN = '80aa34cb'.repeat(8);
const NODE = { command: process.execPath, args: ['-e', '0'] };
/** So old must a configuration be before its compiled form is kept: SETTLED_MS of src/config/compiled.ts, and a little more. */
const SETTLED_MS = 2100;

/** What a deliverer that was poked has to do is over then, and does not slow down the next process. */
const DELIVERY_MS = 150;

const NODE_START = 'the start of Node';
const START = 'Node, SQLite, two fsyncs, node:child_process, fork';

/**
 * Measures, prints a line for each row, and gives the rows: `what`, `goal` and `ratio` (both times the other process),
 * `raw` (the medians in ms and the least ratio) and `limit` (what bounds it). Leaves nothing behind.
 */
export async function processCosts(print = printRow) {
  const dir = mkdtempSync(join(tmpdir(), 'xapplepush-costs-'));
  const mock = spawn(COMMAND, ['mock-apns', '--dir', join(dir, 'apns'), '--port', '0', '--json'], {
    env: environment(join(dir, 'none')),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const rows = await measureAll(dir, JSON.parse(await firstLine(mock)));
    rows.forEach(print);
    return rows;
  } finally {
    mock.kill('SIGTERM');
    if (mock.exitCode === null) await once(mock, 'exit');
    await endDeliverers(dir);
    rmSync(dir, { recursive: true, force: true });
  }
}

async function measureAll(dir, apns) {
  const [lingering, ending] = [host(dir, 'lingering', apns, '10m'), host(dir, 'ending', apns, '0s')];
  const waiting = host(dir, 'waiting', apns, '0s');
  const sharing = host(dir, 'sharing', apns, '0s', SHARED);
  await setTimeout(SETTLED_MS);
  for (const each of [lingering, ending, waiting]) run(handler(each, REGISTRATION));
  const bare = [BARE_PUSH, apns.url, apns.certificate, apns.key, apns.ca, apns.topic, DEVICE_TOKEN];
  const rows = compare(NODE, [
    row('MailboxModseq', 1.15, NODE_START, handler(ending, OTHER)),
    row('MessageNew, no device', 1.3, NODE_START, handler(ending, messageFor('nobody'))),
    row('MessageNew, one target, deliverer running', 1.4, 'Node, SQLite, two fsyncs', {
      ...handler(lingering, messageFor('alice')),
      after: () => pause(DELIVERY_MS),
    }),
    row('MessageNew, one target, starting the deliverer', 1.6, START, {
      ...handler(ending, messageFor('alice')),
      after: () => waitForDeliverers(ending.dir),
    }),
    row('MessageNew, on one of several hosts', 1.15, NODE_START, handler(sharing, messageFor('alice'))),
    row('xapplepush-spool', 0.15, 'sh, mv', {
      ...handler(ending, messageFor('alice')),
      command: SPOOL_COMMAND,
    }),
  ]);
  const toWait = handler(waiting, messageFor('alice'), '--wait');
  const wait = row('MessageNew --wait, one target', 1.3, 'Node, TLS, HTTP/2, SQLite, five fsyncs', toWait);
  return [...rows, ...compare({ command: process.execPath, args: bare }, [wait])];
}

const OTHER = { event: 'MailboxModseq', user: '', uri: 'imap://mail.example.org/user/alice' };

function messageFor(user) {
  const uri = `imap://mail.example.org/user/${user};UIDVALIDITY=1/;UID=1`;
  return { event: 'MessageNew', uri, user: '', 'vnd.cmu.mbtype': 'e' };
}

/** A configuration, database and spool of their own. */
function host(parent, name, { url, certificate, key, ca }, linger, storeIn = (dir) => `store: ${dir}/x.db`) {
  const dir = join(parent, name);
  const config = join(dir, 'config.yaml');
  for (const folder of ['spool', 'state']) mkdirSync(join(dir, folder), { recursive: true });
  writeFileSync(join(dir, 'imapd.conf'), 'altnamespace: yes\n');
  writeFileSync(
    config,
    `apns: { server: '${url}', certificate: ${certificate}, key: ${key}, ca: ${ca} }
${storeIn(dir)}
spool: ${dir}/spool
imapd_conf: ${dir}/imapd.conf
delivery: { linger: ${linger} }
log: { destination: ${dir}/log }
`,
  );
  return { dir, config };
}

/** A handler only spools there, and connects to nothing. */
const SHARED = (dir) => `store: postgresql://nobody@127.0.0.1:9/none\nstate: ${dir}/state`;

const REGISTRATION = {
  event: 'ApplePushService',
  user: 'alice',
  apsVersion: 2,
  apsAccountId: '0715A26B-CA09-4730-A419-793000CA982E',
  apsDeviceToken: DEVICE_TOKEN,
  apsSubtopic: 'com.apple.mobilemail',
  mailboxes: ['INBOX'],
};

function handler({ dir, config }, event, ...args) {
  const env = { ...environment(config), XAPPLEPUSH_SPOOL: join(dir, 'spool') };
  return {
    command: COMMAND,
    args: [...args, ...NOTIFYD_ARGUMENTS],
    input: `${JSON.stringify(event)}\n`,
    env,
  };
}

function environment(config) {
  return { XAPPLEPUSH_CONFIG: config, XAPPLEPUSH_NODE: process.execPath };
}

function row(what, goal, limit, process) {
  return { what, goal, limit, process };
}

/**
 * Runs each row's process and the base side by side, now the one first, now the other: for seconds at a time the machine
 * runs at another speed, and the median of what two neighbours took, one by the other, does not know of that.
 */
function compare(base, rows) {
  const pairs = rows.map(() => []);
  for (let round = 0; round <= RUNS; round += 1) {
    const measured = rows.map(({ process }) => timesOf(process, base, round % 2 === 0));
    if (round === 0) continue; // files are read from the disk, deliverers are started
    measured.forEach((pair, n) => pairs[n].push(pair));
  }
  return rows.map(({ what, goal, limit }, n) => {
    const raw = {
      ms: median(pairs[n].map(({ ms }) => ms)),
      baseMs: median(pairs[n].map(({ baseMs }) => baseMs)),
      leastRatio:
        Math.min(...pairs[n].map(({ ms }) => ms)) / Math.min(...pairs[n].map(({ baseMs }) => baseMs)),
    };
    return { what, goal, ratio: median(pairs[n].map(({ ms, baseMs }) => ms / baseMs)), raw, limit };
  });
}

function timesOf(process, base, baseFirst) {
  const earlierBaseMs = baseFirst ? timeOf(base) : undefined;
  const ms = timeOf(process);
  return { ms, baseMs: earlierBaseMs ?? timeOf(base) };
}

/** A bare Node goes before, unmeasured, so that each finds the machine in the same state: awake, whatever was waited for. */
function timeOf(process) {
  run(NODE);
  const beginMs = performance.now();
  run(process);
  const tookMs = performance.now() - beginMs;
  process.after?.();
  return tookMs;
}

function run({ command, args, input, env = {} }) {
  const { status, stderr, error } = spawnSync(command, args, { input, env, cwd: '/' });
  if (status !== 0) throw error ?? new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr}`);
}

async function firstLine(child) {
  for await (const line of createInterface(child.stdout)) return line;
  throw new Error('the stand-in for Apple does not start');
}

function waitForDeliverers(dir) {
  const untilMs = performance.now() + 10_000;
  while (deliverersOf(dir).length > 0) {
    if (performance.now() > untilMs) throw new Error('a deliverer does not end');
    pause(20);
  }
}

function pause(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

async function endDeliverers(dir) {
  for (const pid of deliverersOf(dir)) process.kill(pid, 'SIGTERM');
  waitForDeliverers(dir);
}

/** Those whose configuration lies in the folder. */
function deliverersOf(dir) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const words = commandLine(pid);
      return words.includes('deliverer') && words.some((word) => word.startsWith(`${dir}/`));
    });
}

function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return []; // it has ended meanwhile
  }
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

function printRow({ what, goal, ratio, raw, limit }) {
  const ms = `${raw.ms.toFixed(1)} ms beside ${raw.baseMs.toFixed(1)} ms`;
  const ratios = `${ratio.toFixed(2)} x (least: ${raw.leastRatio.toFixed(2)}), goal ${goal.toFixed(2)}`;
  process.stdout.write(`${what.padEnd(48)} ${ratios.padEnd(36)} ${ms}; limit: ${limit}\n`);
}
