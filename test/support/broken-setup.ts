import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Point } from '../../src/check/point.ts';
import type { TestApns } from './apns.ts';
import type { Finished } from './command.ts';
import { madeOnce } from './made-once.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** Debian's nobody(5), as whom the mail server of these set-ups runs, and another ordinary user, daemon(1). */
export const MAIL_USER = { uid: 65_534, gid: 65_534, name: 'nobody', group: 'nogroup' };
export const STRANGER = { uid: 1, gid: 1, name: 'daemon' };

/** A whole set-up with which everything is well, in a folder of its own, with a copy of the built program. */
export interface HostSetup {
  dir: string;
  lib: string;
  store: string;
  spool: string;
  certificate: string;
  key: string;
  imapdConf: string;
  cyrusConf: string;
  program: string;
  socket: string;
  log: string;
  configFile: string;
  /** Lets the mail user have it. */
  give: (path: string) => string;
  /** Ends whoever listens as notifyd, and leaves its socket where it is. */
  killNotifyd: () => Promise<void>;
  run(args: readonly string[], options?: RunOptions): Promise<Finished>;
  check(options?: RunOptions): Promise<{ points: Point[]; exitCode: number | null }>;
  remove(): void;
}

export interface RunOptions {
  /** The user id; root by default. */
  as?: { uid: number; gid: number };
  input?: string;
  /** In KiB, as ulimit(1) takes it. */
  addressSpace?: number;
}

/** Made for that stand-in; the caller removes it. */
export async function createHost(apns: TestApns): Promise<HostSetup> {
  const dir = mkdtempSync(join(tmpdir(), 'xapplepush-host-'));
  chmodSync(dir, 0o755);
  const at = (name: string): string => join(dir, name);
  const [lib, spool, keys, program] = [at('lib'), at('spool'), at('keys'), at('program')];
  for (const folder of [lib, spool, keys]) give(makeFolder(folder));
  chmodSync(keys, 0o755);
  cpSync(builtProgram(), program, { recursive: true });
  const [certificate, key] = [join(keys, 'client.pem'), join(keys, 'client.key')];
  give(certificate, apns.files.clientCertificate);
  give(key, apns.files.clientKey);
  const ca = join(keys, 'ca.pem');
  give(ca, apns.files.ca);
  const [socket, log, store] = [at('notify'), join(lib, 'log'), join(lib, 'x.db')];
  const [imapdConf, cyrusConf, configFile] = [at('imapd.conf'), at('cyrus.conf'), at('config.yaml')];
  writeFileSync(
    configFile,
    `store: ${store}\nspool: ${spool}\nimapd_conf: ${imapdConf}\nlog: { destination: ${log} }
delivery: { linger: 0s }
apns: { server: "${apns.url.origin}", certificate: ${certificate}, key: ${key}, ca: ${ca} }\n`,
  );
  writeFileSync(imapdConf, imapdLines(dir, apns.topic));
  writeFileSync(cyrusConf, CYRUS_CONF.replaceAll('DIR', dir));
  const notifyd = await listen(socket);
  const launcher = join(program, 'bin/xapplepush');
  const run: HostSetup['run'] = (args, options = {}) => runAs([launcher, ...args], configFile, options);
  return {
    ...{ dir, lib, store, spool, certificate, key, imapdConf, cyrusConf, program, socket, log, configFile },
    give,
    killNotifyd: () => leaveSocket(notifyd, socket),
    run,
    check: async (options) => {
      const { stdout, stderr, exitCode } = await run(['check', '--json'], options);
      if (stdout === '') throw new Error(stderr);
      return { points: JSON.parse(stdout) as Point[], exitCode };
    },
    remove: () => {
      notifyd.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Copies it there first, where it comes from elsewhere. */
function give(path: string, source?: string): string {
  if (source !== undefined) cpSync(source, path);
  chownSync(path, MAIL_USER.uid, MAIL_USER.gid);
  return path;
}

function makeFolder(path: string): string {
  mkdirSync(path, { mode: 0o750 });
  return path;
}

function imapdLines(dir: string, topic: string): string {
  return `configdirectory: ${dir}
cyrus_user: ${MAIL_USER.name}
event_notifier: external
event_groups: applepushservice message flags
notify_external: ${dir}/program/bin/xapplepush
aps_topic: ${topic}
notifysocket: ${dir}/notify
tls_server_cert: /etc/ssl/cert.pem
`;
}

const CYRUS_CONF = `SERVICES {
  imaps   cmd="imapd -s" listen="imaps"
  notify  cmd="notifyd" listen="DIR/notify" proto="udp" prefork=1
}
EVENTS {
  xapplepush  cmd="/usr/bin/xapplepush flush" period=5
}
`;

/** What of the project the built program needs, for everybody to read. */
function builtProgram(): string {
  return madeOnce('built-program', (folder) => {
    for (const name of ['bin', 'dist', 'package.json', 'schema.sql', 'examples'])
      cpSync(join(PROJECT, name), join(folder, name), { recursive: true });
    for (const binary of [
      'better-sqlite3-node20/build/Release/better_sqlite3.node',
      'better-sqlite3/prebuilds',
    ]) {
      const source = join(PROJECT, 'node_modules', binary);
      if (!existsSync(source)) continue;
      mkdirSync(dirname(join(folder, 'node_modules', binary)), { recursive: true });
      cpSync(source, join(folder, 'node_modules', binary), { recursive: true });
    }
    chmodSync(folder, 0o755);
  });
}

function listen(path: string): Promise<Server> {
  const server = createServer();
  return new Promise((resolve) => server.listen(path, () => resolve(server)));
}

/** Node removes the file of a socket that it closes; a process that is killed leaves it. */
async function leaveSocket(server: Server, path: string): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
  const leave = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  await new Promise((resolve) => spawn(process.execPath, ['-e', leave, path]).on('close', resolve));
}

function runAs(
  command: readonly string[],
  configFile: string,
  { as, input = '', addressSpace }: RunOptions,
): Promise<Finished> {
  const limit = addressSpace === undefined ? '' : `ulimit -v ${addressSpace}; `;
  const child = spawn('/bin/sh', ['-c', `${limit}exec "$@"`, 'sh', ...command], {
    cwd: '/',
    env: {
      PATH: '/usr/bin:/bin',
      XAPPLEPUSH_CONFIG: configFile,
      XAPPLEPUSH_SPOOL: join(dirname(configFile), 'spool'),
      XAPPLEPUSH_NODE: process.execPath,
    },
    timeout: 60_000,
    ...as,
  });
  const [stdout, stderr]: [string[], string[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk.toString()));
  child.stdin.on('error', () => undefined); // it may end before it has read everything
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, stdout: stdout.join(''), stderr: stderr.join('') }));
  });
}
