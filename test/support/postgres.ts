import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { eventually } from './command.ts';
import { postgresInstallation } from './postgres-installation.ts';

/** A PostgreSQL of a test file's own, on a Unix socket and on the loopback. */
export interface Postgres {
  port: number;
  /** Of its socket and its data. */
  folder: string;
  /** Makes an empty database; gives its URL by the socket, as the superuser. */
  database: () => Promise<string>;
  /** Runs a statement as the superuser, in that database where one is named. */
  run: (text: string, url?: string) => Promise<unknown[]>;
  start: () => Promise<void>;
  /** SIGINT cuts every connection; SIGKILL loses what is not on the disk. */
  halt: (signal?: 'SIGINT' | 'SIGKILL') => Promise<void>;
  /** Ends it and removes its folder. */
  stop: () => Promise<void>;
}

/** Of the superuser, by the loopback; by the socket none is asked for. */
export const PASSWORD = 'a secret of the tests';

/** No server outlives this, even if the tests die without a chance to end it. */
const LIFETIME_S = 600;

/** Starts it with what a test needs, and nothing on the disk is waited for. */
export async function startPostgres(settings: readonly string[] = []): Promise<Postgres> {
  const { bin, user, timeout } = postgresInstallation();
  const folder = mkdtempSync(join(tmpdir(), 'xapplepush-pg-'));
  const data = join(folder, 'data');
  writeFileSync(join(folder, 'password'), `${PASSWORD}\n`);
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const as = { ...user, cwd: '/' };
  execFileSync(
    join(bin, 'initdb'),
    [
      ...['--pgdata', data, '--username', 'postgres', '--encoding', 'UTF8', '--locale', 'C', '--no-sync'],
      ...['--auth-local', 'trust', '--auth-host', 'scram-sha-256', '--pwfile', join(folder, 'password')],
    ],
    { ...as, stdio: 'pipe' },
  );
  const port = await freePort();
  const given = [`port=${port}`, 'listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`];
  const options = [...given, 'fsync=off', 'max_connections=60', ...settings].flatMap((each) => ['-c', each]);
  let child: ChildProcess | undefined;
  const urlOf = (name: string): string =>
    `postgresql:///${name}?host=${encodeURIComponent(folder)}&port=${port}&user=postgres`;
  const start = async (): Promise<void> => {
    child = spawn(
      timeout,
      ['--signal=INT', String(LIFETIME_S), join(bin, 'postgres'), '-D', data, ...options],
      {
        ...as,
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    const complaints = textOf(child);
    await eventually(
      () => answers(urlOf('postgres')),
      (isThere) => {
        if (child?.exitCode !== null) throw new Error(`PostgreSQL has ended: ${complaints()}`);
        return isThere;
      },
    );
  };
  const halt: Postgres['halt'] = async (signal = 'SIGINT') => {
    const file = join(data, 'postmaster.pid');
    if (child === undefined || !existsSync(file)) return;
    const ended = once(child, 'exit');
    process.kill(Number(readFileSync(file, 'utf8').split('\n')[0]), signal);
    await ended;
    child = undefined;
  };
  let databases = 0;
  await start();
  return {
    ...{ port, folder, start, halt },
    run: (text, url) => query(url ?? urlOf('postgres'), text),
    database: async () => {
      databases += 1;
      await query(urlOf('postgres'), `CREATE DATABASE x${databases}`);
      return urlOf(`x${databases}`);
    },
    stop: async () => {
      await halt();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(text)).rows as unknown[];
  } finally {
    await client.end();
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    await query(url, 'SELECT 1');
    return true;
  } catch {
    return false; // it is not up yet
  }
}

function textOf(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (more: string) => (text += more));
  return () => text;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('expected a port');
  return address.port;
}
