import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './command.ts';
import { freePort } from './cyrus-port.ts';
import { type Availability, toolsAvailability } from './needs.ts';
import type { Postgres } from './postgres.ts';
import { postgresAvailability, postgresInstallation } from './postgres-installation.ts';

export function pgbouncerAvailability(): Availability {
  const postgres = postgresAvailability();
  return postgres.available ? toolsAvailability({ pgbouncer: 'pgbouncer' }) : postgres;
}

/** No pooler outlives this, even if the tests die without a chance to end it. */
const LIFETIME_S = 120;

/** Gives a connection to another client after each transaction, and has so many. */
export async function startPgbouncer(
  { folder: socket, port: serverPort, run }: Postgres,
  connections: number,
): Promise<{ urlOf: (database: string) => string; stop: () => Promise<void> }> {
  const { user, timeout } = postgresInstallation();
  const folder = mkdtempSync(join(tmpdir(), 'xapplepush-pgbouncer-'));
  const port = await freePort();
  const file = join(folder, 'pgbouncer.ini');
  writeFileSync(
    file,
    `[databases]\n* = host=${socket} port=${serverPort} user=postgres
[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${port}\nunix_socket_dir =\nauth_type = any
pool_mode = transaction\ndefault_pool_size = ${connections}\nignore_startup_parameters = options\n`,
  );
  chmodSync(folder, 0o755);
  if (user !== undefined) chownSync(file, user.uid, user.gid);
  const command = ['--signal=KILL', String(LIFETIME_S), 'pgbouncer', '--quiet', file];
  const child = spawn(timeout, command, { ...user, cwd: '/', stdio: 'ignore' });
  const urlOf = (database: string): string => `postgresql://postgres@127.0.0.1:${port}/${database}`;
  await eventually(
    () => run('SELECT 1', urlOf('postgres')).then(OPEN, CLOSED),
    (isThere) => {
      if (child.exitCode !== null) throw new Error(`pgbouncer ended with ${child.exitCode}`);
      return isThere;
    },
  );
  const stop = async (): Promise<void> => {
    await end(child);
    rmSync(folder, { recursive: true });
  };
  return { urlOf, stop };
}

const OPEN = (): boolean => true;
const CLOSED = (): boolean => false;

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGINT'); // timeout(1) hands it on
  await ended;
}
