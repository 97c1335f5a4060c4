// What the demo plays on: a temporary folder, the stand-in for Apple, and the command called as notifyd calls it.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { missingDriver } from '../build/driver.mjs';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const COMMAND = fileURLToPath(new URL('../bin/xapplepush', import.meta.url));
const PROGRAM = fileURLToPath(new URL('../dist/main.cjs', import.meta.url));
const EVENTS = fileURLToPath(new URL('./events/', import.meta.url));

/** What notifyd(8) passes for every event: the last -f has no value. */
const NOTIFYD_ARGUMENTS = ['-c', 'EVENT', '-p', '', '-u', '', '-m', '', '-f'];

/** How long the background process waits for more before it ends, and how long the demo waits for anything on a busy machine. */
const LINGER = '1s';
const PATIENCE_MS = 60_000;

/** Sets the stage, has `play` played on it, and leaves nothing behind, whatever happens. */
export async function stage(play) {
  const missing = missingDriver(PROJECT);
  check(!missing, `${missing?.error}\nhint: ${missing?.hint}`);
  check(existsSync(PROGRAM), 'xapplepush is not built yet; run: npm run build');
  const dir = mkdtempSync(join(tmpdir(), 'xapplepush-demo-'));
  const world = {
    ...{ dir, apple: join(dir, 'apple'), config: join(dir, 'config.yaml'), pushes: [], step: 0 },
    phone: JSON.parse(readFileSync(join(EVENTS, 'registration.json'), 'utf8')),
    logLines: () => linesOf(join(dir, 'log')),
  };
  try {
    await Promise.race([interrupted(), open(world).then(() => play(world))]);
  } finally {
    await close(world);
  }
}

/** Throws with this message unless the condition holds. */
export function check(condition, message) {
  if (!condition) throw new Error(message);
}

/** Calls the command as notifyd does; gives the event, and how long the mail server would have waited. */
export async function notify(world, file) {
  const input = readFileSync(join(EVENTS, file), 'utf8');
  const startMs = Date.now(); // as the stand-in tells when a push came
  const stdout = await run(world, NOTIFYD_ARGUMENTS, input);
  check(stdout === '', `nothing may be written to standard output under notifyd, but this was: ${stdout}`);
  return { event: JSON.parse(input), tookMs: Date.now() - startMs, startMs };
}

/** What an administrator's command prints. */
export function ask(world, words) {
  return run(world, words);
}

/** Nobody listens at Apple's address any more. */
export async function appleIsGone({ mock }) {
  if (mock?.pid === undefined || mock.exitCode !== null || mock.signalCode !== null) return;
  const ended = new Promise((resolve) => mock.once('exit', resolve));
  mock.kill('SIGTERM');
  await ended;
}

/** At the same address. */
export async function appleIsBack(world) {
  await openApple(world, world.port);
}

/** The log line with this message that the present step has brought. */
export async function logged(world, message) {
  const find = () => world.logLines().find((line, index) => index >= world.logSeen && line.msg === message);
  const line = await until(find);
  const last = JSON.stringify(world.logLines().at(-1));
  check(line, `xapplepush did not log "${message}"; the last line of its log is ${last}`);
  return line;
}

/** The push that Apple receives after the first `count`. */
export async function pushAfter(world, count) {
  const push = await until(() => world.pushes[count]);
  check(push, `Apple did not receive the push; the log ends with ${JSON.stringify(world.logLines().at(-1))}`);
  return push;
}

/** Resolves when nothing works in the background any more. */
export async function quiet({ config }) {
  const none = await until(() => deliverers(config).length === 0 || undefined);
  check(none, 'the process in the background did not end');
}

async function open(world) {
  const ready = await openApple(world, '0');
  world.topic = ready.topic;
  world.port = new URL(ready.url).port;
  writeConfig(world, ready);
}

async function openApple(world, port) {
  world.mock = start(world, ['mock-apns', '--dir', world.apple, '--port', port, '--json']);
  let complaint;
  world.mock.on('error', (error) => (complaint = error.message));
  world.mock.on('exit', () => (complaint ??= 'it ended'));
  world.mock.stderr.setEncoding('utf8').on('data', (text) => (complaint = text));
  const lines = createInterface({ input: world.mock.stdout });
  let ready;
  lines.once('line', (first) => {
    ready = JSON.parse(first);
    lines.on('line', (line) => world.pushes.push(JSON.parse(line)));
  });
  await until(() => ready ?? complaint);
  check(ready, `the stand-in for Apple did not start: ${complaint ?? 'it says nothing'}`);
  return ready;
}

function writeConfig({ dir, config }, { url, certificate, key, ca, topic }) {
  const imapdConf = join(dir, 'imapd.conf');
  const lines = [`aps_topic: ${topic}`, 'event_notifier: external', 'event_groups: message applepushservice'];
  writeFileSync(
    imapdConf,
    [...lines, `notify_external: ${COMMAND}`, `cyrus_user: ${process.geteuid()}`, ''].join('\n'),
  );
  const settings = {
    apns: { server: url, certificate, key, ca },
    store: join(dir, 'xapplepush.db'),
    spool: join(dir, 'spool'),
    imapd_conf: imapdConf,
    delivery: { linger: LINGER },
    log: { level: 'debug', destination: join(dir, 'log') },
  };
  writeFileSync(config, JSON.stringify(settings, null, 2)); // JSON is YAML too
}

/** The environment has nothing else in it, and the working directory is the root, as under notifyd. */
function start({ config }, args) {
  const env = { XAPPLEPUSH_CONFIG: config, XAPPLEPUSH_NODE: process.execPath };
  return spawn(COMMAND, args, { cwd: '/', env });
}

async function run(world, args, input = '') {
  check(!world.closed, 'the demo is over');
  const child = start(world, args);
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'])
    child[name].setEncoding('utf8').on('data', (text) => (written[name] += text));
  child.stdin.on('error', () => undefined); // a command may end without reading it
  child.stdin.end(input);
  const exitCode = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  check(exitCode === 0, `xapplepush ended with exit code ${exitCode}:\n${written.stderr}`);
  return written.stdout;
}

/** The first value of `look` that is not undefined; undefined where patience runs out before. */
async function until(look) {
  const endMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const value = look();
    if (value !== undefined || performance.now() > endMs) return value;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The complete lines of the log, which are JSON. */
function linesOf(file) {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const complete = text.split('\n').slice(0, -1);
  return complete.map((line) => JSON.parse(line));
}

/** Rejects when somebody wants it to end, or has stopped reading what it shows. */
function interrupted() {
  return new Promise((_resolve, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
      process.on(signal, () => reject(new Error('interrupted')));
    process.stdout.on('error', reject);
  });
}

/** The background process ends by itself when it has lingered; only one that does not is ended here. */
async function close(world) {
  const { dir, config } = world;
  world.closed = true;
  await until(() => deliverers(config).length === 0 || undefined);
  for (const pid of deliverers(config)) process.kill(pid, 'SIGTERM');
  await appleIsGone(world);
  rmSync(dir, { recursive: true, force: true });
}

/** The process ids of deliverers that have this configuration in their command line (proc(5)). */
function deliverers(config) {
  if (!existsSync('/proc/self/cmdline')) return [];
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return words.includes('deliverer') && words.includes(config);
    } catch {
      return false; // it has ended meanwhile
    }
  });
}
