// The host of a soak: a folder, `serve`, which is started and ended in every way, and the ways in.
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../bin/', import.meta.url));
const CLOCK = fileURLToPath(new URL('soak-clock.cjs', import.meta.url));
const ANSWER_TIMEOUT_MS = 15_000;
const HANDLER_TIMEOUT_MS = 60_000;

export async function createHost(dir, { url, ca }, certificate) {
  const paths = Object.fromEntries(
    ['config.yaml', 'x.db', 'spool', 'log', 'clock', 'cyrus.sock'].map((name) => [name, join(dir, name)]),
  );
  for (const folder of ['tmp', 'new']) mkdirSync(join(paths.spool, folder), { recursive: true });
  const port = await freePort();
  writeFileSync(paths.clock, '0');
  writeFileSync(
    paths['config.yaml'],
    `apns: { server: '${url.origin}', certificate: ${certificate}, ca: ${ca} }
store: ${paths['x.db']}
spool: ${paths.spool}
imapd_conf: ${dir}/no-imapd.conf
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
  };
  Object.assign(env, { NODE_OPTIONS: `--require ${JSON.stringify(CLOCK)}`, SOAK_CLOCK: paths.clock });
  const run = (program, args, input) =>
    ended(spawn(join(BIN, program), args, { env, stdio: ['pipe', 'pipe', 'pipe'] }), input);
  const children = new Set();
  /** These two take an event whatever happens to `serve`. */
  const isTaken = ({ code, said }) => {
    if (code !== 0) host.refusals.push(`${code} ${said}`);
    return code === 0;
  };
  const host = {
    paths,
    serve: undefined,
    /** What the programs said that should have taken an event. */
    refusals: [],
    /** How often it ended without being told to. */
    endedByItself: 0,
    start: () => {
      const child = spawn(join(BIN, 'xapplepush'), ['serve'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
      child.stderr.on('data', (text) => (host.said = String(text)));
      children.add(child);
      child.once('exit', () => children.delete(child) && !child.wanted && (host.endedByItself += 1));
      host.serve = child;
    },
    /** Gives whether it has ended within its time: systemd kills after that too. */
    end: async (signal) => {
      const child = host.serve;
      child.wanted = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill(signal);
      await gone;
    },
    clock: (aheadMs) => writeFileSync(paths.clock, String(aheadMs)),
    run: (args, input = '') => run('xapplepush', args, input),
    /** Each tells one event, and gives whether it was accepted. */
    ways: {
      dlist: (json) => tellDlist(paths['cyrus.sock'], json),
      http: (json) => tellHttp(port, json),
      spool: async (json) => isTaken(await run('xapplepush-spool', [], `${json}\n`)),
      handle: async (json) => isTaken(await run('xapplepush', ['-c', 'EVENT'], `${json}\n`)),
    },
    /** What it uses now. */
    usage: () => ({ ...usageOf(host.serve), ...diskOf(dir, paths) }),
    waitingFiles: () => ['new', 'cur', 'tmp'].flatMap((folder) => namesIn(join(paths.spool, folder))).length,
    close: () => {
      for (const child of children) child.kill('SIGKILL');
    },
  };
  return host;
}

function ended(child, input) {
  return new Promise((resolve) => {
    let [out, said] = ['', ''];
    const timer = setTimeout(() => child.kill('SIGKILL'), HANDLER_TIMEOUT_MS);
    child.stdout.on('data', (text) => (out += text));
    child.stderr.on('data', (text) => (said += text));
    child.stdin.on('error', () => undefined); // it need not read what it was given
    child.on('exit', (code) => {
      clearTimeout(timer);
      // A deliverer may hold these open.
      for (const stream of child.stdio) stream.destroy();
      resolve({ code, out, said });
    });
    child.stdin.end(input);
  });
}

/** As lmtpd does: a connection for each event, the answer awaited. */
function tellDlist(path, json) {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
    socket.on('error', () => undefined); // then it closes
    socket.once('close', () => resolve(false));
    socket.once('data', (answer) => {
      resolve(answer.toString('latin1') === 'OK NIL\r\n');
      socket.destroy();
    });
    const keys = 'METHOD external CLASS EVENT PRIORITY NIL USER NIL MAILBOX NIL OPTIONS () MESSAGE';
    socket.write(`NOTIFY %(${keys} {${Buffer.byteLength(json)}+}\r\n${json} FILEPATH NIL)\r\n`);
  });
}

function tellHttp(port, json) {
  return new Promise((resolve) => {
    const headers = { 'Content-Type': 'application/json' };
    const asked = request({
      host: '127.0.0.1',
      port,
      path: '/events',
      method: 'POST',
      headers,
      agent: false,
      timeout: ANSWER_TIMEOUT_MS,
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(false));
    asked.on('response', (answer) => resolve(answer.resume().statusCode === 202));
    asked.end(json);
  });
}

function usageOf({ pid, exitCode, signalCode } = {}) {
  if (pid === undefined || exitCode !== null || signalCode !== null) return {};
  try {
    const [, rssKb] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    if (rssKb === undefined) return {}; // it is ending
    return { rssMiB: Number(rssKb) / 1024, descriptors: namesIn(`/proc/${pid}/fd`).length };
  } catch {
    return {}; // it has ended meanwhile
  }
}

function diskOf(dir, paths) {
  const kib = (file) => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) / 1024;
  const files = { storeKiB: paths['x.db'], walKiB: `${paths['x.db']}-wal`, logKiB: paths.log };
  const history = namesIn(dir).filter((name) => name.includes('history'));
  return {
    ...Object.fromEntries(Object.entries(files).map(([name, file]) => [name, kib(file)])),
    historyKiB: history.reduce((sum, name) => sum + kib(join(dir, name)), 0),
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
