// The host of a soak: a folder, `serve`, which is started and ended in every way, and the ways in.
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pause } from './numbers.mjs';
import { startRealCyrus } from './soak-cyrus.mjs';
import { tellDlist, tellHttp } from './soak-ways.mjs';

const BIN = fileURLToPath(new URL('../../bin/', import.meta.url));
const CLOCK = fileURLToPath(new URL('soak-clock.cjs', import.meta.url));
const HANDLER_TIMEOUT_MS = 60_000;

/** One that was told to end takes ten seconds at most, and one that was replaced some seconds. */
const ENDING_TIMEOUT_MS = 60_000;

const HEARS_EVERY_MS = 20;

/** Of the signals that a process catches, by proc(5): the first bit is signal 1. */
const SIGHUP_BIT = 1;

export async function createHost({ dir, disk, apple, certificate, users }) {
  const { url, topic, files } = apple;
  const paths = Object.fromEntries(
    ['config.yaml', 'x.db', 'spool', 'log', 'clock', 'cyrus.sock'].map((name) => [
      name,
      join(disk.path, name),
    ]),
  );
  for (const folder of ['tmp', 'new']) mkdirSync(join(paths.spool, folder), { recursive: true });
  const port = await freePort();
  writeFileSync(paths.clock, '0');
  writeFileSync(
    paths['config.yaml'],
    `apns: { server: '${url.origin}', certificate: ${certificate}, ca: ${files.ca} }
store: ${paths['x.db']}
spool: ${paths.spool}
imapd_conf: ${disk.path}/no-imapd.conf
log: { level: warn, destination: ${paths.log} }
serve: { cyrus_socket: ${paths['cyrus.sock']}, http: '127.0.0.1:${port}' }
delivery: { throttle: 1s, linger: 2s }
`,
  );
  const env = {
    PATH: process.env.PATH,
    XAPPLEPUSH_CONFIG: paths['config.yaml'],
    XAPPLEPUSH_NODE: process.execPath,
    XAPPLEPUSH_SPOOL: paths.spool,
    NODE_OPTIONS: `--require ${JSON.stringify(CLOCK)}`,
    SOAK_CLOCK: paths.clock,
  };
  const cyrus = await startRealCyrus(join(dir, 'cyrus'), { spool: paths.spool, users, topic });
  const begin = (program, args) => spawn(join(BIN, program), args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const host = {
    ...serving(env),
    /** What the programs said that take an event whatever happens to `serve`, as long as there is room on the disk. */
    refusals: [],
    clock: (aheadMs) => writeFileSync(paths.clock, String(aheadMs)),
    /** The rows of a list; undefined where it cannot be had now. */
    list: async (...args) => {
      const { code, out } = await ended(begin('xapplepush', [...args, '--json']), '', 'close');
      return code === 0 ? JSON.parse(out) : undefined;
    },
    retry: () => ended(begin('xapplepush', ['outbox', 'retry', '--all']), '', 'close'),
    /** Each tells one event, and gives whether it was accepted. */
    ways: {
      dlist: (json) => tellDlist(paths['cyrus.sock'], json),
      http: (json) => tellHttp(port, json),
      spool: (json) => taken(begin('xapplepush-spool', []), json),
      handle: (json) => taken(begin('xapplepush', ['-c', 'EVENT']), json),
      ...(cyrus && { cyrus: (_json, user) => noted(() => cyrus.deliver(user)) }),
    },
    stopCyrus: () => cyrus?.stop(),
    /** What it uses now. */
    usage: () => ({ ...usageOf(host.child()), ...diskOf(paths) }),
    /** For whoever wants to know how a fault came about. */
    keepLog: (file) => copyFileSync(paths.log, file),
    waitingFiles: () => ['new', 'cur', 'tmp'].flatMap((name) => namesIn(join(paths.spool, name))).length,
  };
  // A deliverer may hold the streams of a handler.
  const taken = (child, json) => noted(() => ended(child, `${json}\n`, 'exit'));
  const noted = async (tell) => {
    let wasFull = disk.isFull;
    const { code, said } = await tell();
    wasFull ||= disk.isFull;
    if (code !== 0 && !wasFull) host.refusals.push(`${code} ${said}`);
    return code === 0;
  };
  return host;
}

/** `serve`, and all that is done to it. */
function serving(env) {
  const children = new Set();
  const faults = [];
  let child;
  const start = () => {
    let said = '';
    const started = spawn(join(BIN, 'xapplepush'), ['serve'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    started.stderr.on('data', (text) => (said += text));
    started.gone = new Promise((resolve) => started.once('exit', resolve));
    started.once('exit', (code) => {
      children.delete(started);
      if (!started.wanted) faults.push(`exit ${code}: ${said}`);
    });
    children.add(started);
    child = started;
  };
  const awaitEnd = async (one, signal) => {
    one.wanted = true;
    if (signal !== undefined) one.kill(signal);
    const timer = setTimeout(() => {
      faults.push(`no end within ${ENDING_TIMEOUT_MS} ms after ${signal ?? 'another took over'}`);
      one.kill('SIGKILL');
    }, ENDING_TIMEOUT_MS);
    if (isAlive(one)) await one.gone;
    clearTimeout(timer);
  };
  return {
    /** How it ended without being told to, or did not when it was. */
    faults,
    child: () => child,
    start,
    startWhereEnded: () => isAlive(child) || start(),
    /** Before it hears signals, Node would end by it; systemd waits for READY. */
    reload: async () => {
      const one = child;
      while (isAlive(one) && !hearsHangups(one)) await pause(HEARS_EVERY_MS);
      one.kill('SIGHUP');
    },
    end: (signal) => awaitEnd(child, signal),
    /** As without systemd: the next one starts first. */
    takeOver: () => {
      const before = child;
      start();
      return awaitEnd(before);
    },
    close: () => {
      for (const one of children) one.kill('SIGKILL');
    },
  };
}

function hearsHangups({ pid }) {
  try {
    const [, caught] = /SigCgt:\s+([0-9a-f]+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return caught !== undefined && (Number.parseInt(caught.slice(-1), 16) & SIGHUP_BIT) !== 0;
  } catch {
    return false; // it has ended meanwhile
  }
}

function isAlive({ exitCode, signalCode }) {
  return exitCode === null && signalCode === null;
}

function ended(child, input, when) {
  return new Promise((resolve) => {
    let [out, said] = ['', ''];
    const timer = setTimeout(() => child.kill('SIGKILL'), HANDLER_TIMEOUT_MS);
    child.stdout.on('data', (text) => (out += text));
    child.stderr.on('data', (text) => (said += text));
    child.stdin.on('error', () => undefined); // it need not read what it was given
    child.on(when, (code) => {
      clearTimeout(timer);
      for (const stream of child.stdio) stream.destroy();
      resolve({ code, out, said });
    });
    child.stdin.end(input);
  });
}

function usageOf(child) {
  if (!isAlive(child)) return {};
  try {
    const [, rssKb] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
    if (rssKb === undefined) return {}; // it is ending
    return { rssMiB: Number(rssKb) / 1024, descriptors: namesIn(`/proc/${child.pid}/fd`).length };
  } catch {
    return {}; // it has ended meanwhile
  }
}

function diskOf(paths) {
  const kib = (file) => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) / 1024;
  const history = paths['x.db'].replace(/db$/, 'history');
  return {
    storeKiB: kib(paths['x.db']),
    walKiB: kib(`${paths['x.db']}-wal`),
    historyKiB: namesIn(history).reduce((sum, name) => sum + kib(join(history, name)), 0),
    logKiB: kib(paths.log),
    badFiles: namesIn(join(paths.spool, 'bad')).length,
  };
}

function namesIn(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return []; // not made yet, or gone meanwhile
  }
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
