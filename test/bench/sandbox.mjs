// A folder with a configuration, a store and certificates of its own; what was started in it ends with it.
import { fork, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(new URL('../../bin/xapplepush', import.meta.url));

/** A part that takes longer than this is broken, and everything ends. */
const PROCESS_TIMEOUT_MS = 120_000;

/**
 * `yaml` holds further lines of the configuration, `http` is where `serve` listens for it, `logFile` has the log in a file,
 * `url` names a PostgreSQL in place of a file; `dir` is removed by `close`.
 */
export function createSandbox({
  mock,
  server = mock.url,
  connections = 1,
  yaml = '',
  logFile = false,
  logLevel = 'error',
  http,
  imapdConf = '',
  url,
}) {
  const dir = mkdtempSync(join(tmpdir(), 'xapplepush-bench-'));
  const [config, store, socket] = [
    join(dir, 'config.yaml'),
    url ?? join(dir, 'x.db'),
    join(dir, 'cyrus.sock'),
  ];
  const environment = { XAPPLEPUSH_CONFIG: config, XAPPLEPUSH_NODE: process.execPath };
  const children = [];
  writeFileSync(join(dir, 'imapd.conf'), imapdConf);
  writeFileSync(
    config,
    `apns: { server: '${server}', certificate: ${mock.certificate}, key: ${mock.key}, ca: ${mock.ca}, connections: ${connections} }
store: ${store}
${url === undefined ? '' : `state: ${dir}\n`}spool: ${dir}/spool
imapd_conf: ${dir}/imapd.conf
log: { level: ${logLevel}${logFile ? `, destination: ${dir}/log` : ''} }
serve: { cyrus_socket: ${socket}${http === undefined ? '' : `, http: '${http}'`} }
${yaml}`,
  );
  return {
    dir,
    store,
    socket,
    command: COMMAND,
    environment,
    run: (args, input = '') => run(args, input, environment),
    start: (args) => {
      const child = spawn(COMMAND, args, { env: environment, stdio: ['ignore', 'ignore', 'inherit'] });
      children.push(child);
      return child;
    },
    close: async () => {
      await Promise.all(children.map(ended));
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function run(args, input, env) {
  const { status, stderr } = spawnSync(COMMAND, args, { input, env, timeout: PROCESS_TIMEOUT_MS });
  if (status !== 0) throw new Error(`xapplepush ${args.join(' ')} ended with ${status}: ${stderr}`);
}

/** Ends a process with SIGTERM and waits until it has gone. */
export async function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await gone;
}

/** Runs a script of this folder in a process of its own; gives the message that it sends. */
export function runScript(name, task) {
  const child = forkScript(name);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), PROCESS_TIMEOUT_MS);
    child.once('message', resolve);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`${name} ended with ${code}`));
    });
    child.send(task);
  });
}

export function forkScript(name, args = []) {
  return fork(fileURLToPath(new URL(name, import.meta.url)), args, { execArgv: [] });
}
