// Prints what one machine does in one run: the cost of a handler beside a bare Node, events into `serve` and pushes
// out of it a second, and its memory. Loopback only, bounded, and it ends by itself. Needs the built program.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const COMMAND = join(PROJECT, 'bin/xapplepush');
const EVENTS = Number(process.env.BENCH_EVENTS ?? 5000);
const CONNECTIONS = 16;
const RUNS = 15;

const dir = mkdtempSync(join(tmpdir(), 'xapplepush-bench-'));
const config = join(dir, 'config.yaml');
const environment = { XAPPLEPUSH_CONFIG: config, XAPPLEPUSH_NODE: process.execPath };
const children = [];

try {
  const mock = await startMock();
  writeConfig(mock);
  processCosts();
  register();
  const serve = await startServe();
  await throughput(serve, mock);
} finally {
  for (const child of children) child.kill('SIGTERM');
  await Promise.all(children.map((child) => child.exitCode ?? new Promise((end) => child.on('exit', end))));
  rmSync(dir, { recursive: true, force: true });
}

function startMock() {
  const child = start(['mock-apns', '--dir', join(dir, 'apns'), '--port', '0', '--json'], 'pipe');
  const mock = { pushes: 0, onPush: () => undefined };
  return new Promise((resolve) => {
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      for (const line of lines) {
        if (mock.url !== undefined) mock.onPush((mock.pushes += 1));
        else resolve(Object.assign(mock, JSON.parse(line)));
      }
    });
  });
}

function writeConfig({ url, certificate, key, ca }) {
  writeFileSync(
    config,
    `apns: { server: '${url}', certificate: ${certificate}, key: ${key}, ca: ${ca} }
store: ${dir}/x.db
spool: ${dir}/spool
imapd_conf: ${dir}/imapd.conf
delivery: { throttle: 0s }
log: { level: warn }
serve: { cyrus_socket: ${dir}/cyrus.sock }
`,
  );
}

/** Whole processes, medians. */
function processCosts() {
  const node = median(() => spawnSync(process.execPath, ['-e', '0']));
  const input = '{"event":"MailboxModseq","user":"","uri":"imap://mail.example.org/user/alice"}\n';
  const ignored = median(() => spawnSync(COMMAND, ['-c', 'EVENT', '-f'], { input, env: environment }));
  const nobody = median(() =>
    spawnSync(COMMAND, ['-c', 'EVENT', '-f'], { input: event(-1), env: environment }),
  );
  print('node -e 0', `${node.toFixed(1)} ms`);
  print(
    'an event that concerns nobody',
    `${ignored.toFixed(1)} ms`,
    `${(ignored / node).toFixed(2)} x node -e 0`,
  );
  print(
    'MessageNew for a user without targets',
    `${nobody.toFixed(1)} ms`,
    `${(nobody / node).toFixed(2)} x node -e 0`,
  );
}

function register() {
  const registrations = range(EVENTS).map((n) =>
    JSON.stringify({
      event: 'ApplePushService',
      user: `user${n}`,
      apsVersion: 2,
      apsAccountId: '0715A26B-CA09-4730-A419-793000CA982E',
      apsDeviceToken: (n + 1).toString(16).padStart(64, '0'),
      apsSubtopic: 'com.apple.mobilemail',
      mailboxes: ['INBOX'],
    }),
  );
  const { status, stderr } = spawnSync(COMMAND, [], {
    input: `${registrations.join('\n')}\n`,
    env: environment,
  });
  if (status !== 0) throw new Error(`registering failed: ${stderr}`);
}

async function startServe() {
  const child = start(['serve'], 'inherit');
  for (let tries = 0; tries < 200; tries += 1) {
    if (await notify(event(-1)).catch(() => false)) return child;
    await new Promise((wait) => setTimeout(wait, 50));
  }
  throw new Error('serve does not answer');
}

async function throughput(serve, mock) {
  const beginMs = performance.now();
  const allPushed = new Promise((resolve) => {
    mock.onPush = (count) => count >= EVENTS && resolve(performance.now());
  });
  let next = 0;
  await Promise.all(
    range(CONNECTIONS).map(async () => {
      while (next < EVENTS) await notify(event(next++));
    }),
  );
  const inMs = performance.now() - beginMs;
  const outMs = (await allPushed) - beginMs;
  print('events in, one connection each, committed', `${rate(EVENTS, inMs)} a second`, `${EVENTS} events`);
  print('pushes out, from the first event on', `${rate(EVENTS, outMs)} a second`, `${mock.pushes} pushes`);
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${serve.pid}/status`, 'utf8'))?.[1];
  print('resident memory of serve', `${Math.round(Number(rss) / 1024)} MiB`, `${EVENTS} targets`);
}

/** One event over Cyrus's notify socket, as lmtpd sends it; true for OK. */
function notify(message) {
  return new Promise((resolve, reject) => {
    const json = message.trimEnd();
    const socket = connect(join(dir, 'cyrus.sock'));
    socket.on('error', reject);
    socket.once('data', (answer) => {
      socket.destroy();
      resolve(answer.toString() === 'OK NIL\r\n');
    });
    socket.write(
      `NOTIFY %(METHOD external CLASS EVENT PRIORITY NIL USER NIL MAILBOX NIL OPTIONS () MESSAGE {${Buffer.byteLength(json)}+}\r\n${json} FILEPATH NIL)\r\n`,
    );
  });
}

function event(n) {
  const uri = `imap://mail.example.org/user/user${n};UIDVALIDITY=1/;UID=1`;
  return `${JSON.stringify({ event: 'MessageNew', uri, user: '', 'vnd.cmu.mbtype': 'e' })}\n`;
}

function start(args, stdout) {
  const child = spawn(COMMAND, args, { env: environment, stdio: ['ignore', stdout, 'inherit'] });
  children.push(child);
  return child;
}

function median(run) {
  const times = range(RUNS).map(() => {
    const beginMs = performance.now();
    run();
    return performance.now() - beginMs;
  });
  return times.sort((a, b) => a - b)[Math.floor(RUNS / 2)];
}

function range(count) {
  return Array.from({ length: count }, (_, n) => n);
}

function rate(count, ms) {
  return Math.round((count * 1000) / ms);
}

function print(what, value, beside = '') {
  process.stdout.write(`${what.padEnd(44)} ${value.padStart(16)}  ${beside}\n`);
}
