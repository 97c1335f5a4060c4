import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { writeSpool } from '../src/spool/spool.ts';
import { openPostgres } from '../src/store/postgres/open.ts';
import type { Store } from '../src/store/store.ts';
import { startTestApns, type TestApns } from './support/apns.ts';
import { eventually, type Sandbox } from './support/command.ts';
import { messageNew } from './support/events.ts';
import { load } from './support/load.ts';
import { describeWith, testWith } from './support/needs.ts';
import { createNetwork, networkAvailability } from './support/network.ts';
import { type Postgres, startPostgres } from './support/postgres.ts';
import { postgresAvailability, postgresInstallation } from './support/postgres-installation.ts';
import { type Served, startServe } from './support/serve.ts';
import {
  createSharedHost,
  deliveredBy,
  devicesLeft,
  idsOf,
  isSpoolEmpty,
  leaveMail,
  toldAgain,
  userNumber,
  withUsers,
} from './support/shared-hosts.ts';

const AT_ONCE = 'delivery: { throttle: 0s }\n';

const EVENTS = load(20_000, 5000);

describeWith('PostgreSQL', postgresAvailability(), 'hosts that share a PostgreSQL, with much to do', () => {
  let postgres: Postgres;
  let apns: TestApns;
  let hosts: Sandbox[];
  let served: Served[];
  let store: Store | undefined;
  let url: string;

  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.stop());
  beforeEach(async () => {
    apns = await startTestApns();
    url = await postgres.database();
    hosts = [0, 1, 2, 3].map(() => createSharedHost(apns, url, AT_ONCE));
    served = [];
  });
  afterEach(async () => {
    await Promise.all(served.map(({ end }) => end('SIGKILL')));
    store?.close();
    for (const host of hosts) host.remove();
    await apns.close();
  });

  const serveOn = async (host: Sandbox, node?: string): Promise<Served> => {
    const one = await startServe(host, undefined, node);
    served.push(one);
    return one;
  };
  const withManyUsers = async (users: number): Promise<Store> => {
    const made = openPostgres({ url }, { create: true });
    await made.schemaVersion();
    for (const text of registrationsOf(users, apns.topic)) await postgres.run(text, url);
    return made;
  };
  const isDone = async (): Promise<boolean> =>
    hosts.every(isSpoolEmpty) && (await store?.countRows())?.waiting === 0;
  const allDone = (): Promise<boolean> => eventually(isDone, (done) => done);
  /** Of the pushes from that one on. */
  const idsFrom = (first: number): Map<string, Set<string>> => idsOf(apns.received.slice(first));

  test(`${EVENTS} events by four of them: each device is told once after its last one`, async () => {
    const [users, before] = [1000, EVENTS / 1000 - 1];
    store = await withManyUsers(users);
    await Promise.all(hosts.map((host) => serveOn(host)));
    const startMs = performance.now();
    for (let n = 0; n < before; n += 1)
      for (const [file, part] of parts(users).entries()) leaveMails(hosts[(file + n) % 4]!, part);
    await allDone();
    const earlier = apns.received.length;
    expect(idsFrom(0).size).toBe(users);
    expect(earlier).toBeLessThanOrEqual(users * before);
    for (const [file, part] of parts(users).entries()) leaveMails(hosts[file % 4]!, part);
    await allDone();
    expect([idsFrom(earlier).size, apns.received.length - earlier]).toEqual([users, users]);
    tell(`${EVENTS} events, ${apns.received.length} pushes, by four: ${secondsSince(startMs)}`);
  });

  test('two share the work', async () => {
    const users = load(4000, 1000);
    store = await withManyUsers(users);
    hosts.splice(2).forEach((host) => host.remove());
    await Promise.all(hosts.map((host) => serveOn(host)));
    const startMs = performance.now();
    for (const [file, part] of parts(users).entries()) leaveMails(hosts[file % 2]!, part);
    await allDone();
    const tookMs = secondsSince(startMs);
    const counts = await eventually(
      () => hosts.map(deliveredBy),
      ([one = 0, other = 0]) => one + other >= users,
    );
    tell(`${users} pushes by two, ${tookMs}: ${counts.join(' and ')}`);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(users);
    // 40:60 where the machine has time for both; who is starved of it sends less, and that is no fault.
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(0.2 * users);
  });

  test('killed in turn they lose nothing, and tell again only what a killed host had not removed yet', async () => {
    const users = load(1000, 400);
    store = await withManyUsers(users);
    const running = await Promise.all(hosts.map((host) => serveOn(host)));
    for (let n = 0; n < users; n += 1) leaveMail(hosts[n % 4]!, n);
    const left = new Set<string>();
    for (const [n, host] of hosts.entries()) {
      await running[n]!.end('SIGKILL');
      for (const token of devicesLeft(host)) left.add(token);
      await serveOn(host);
    }
    await allDone();
    const ids = idsFrom(0);
    expect(ids.size).toBe(users);
    const again = toldAgain(ids);
    tell(
      `killed in turn: ${apns.received.length} pushes to ${users} devices, ${again.length} told once more`,
    );
    expect(again.filter((token) => !left.has(token))).toEqual([]);
  });

  test('connections that are cut and a server that is stopped cost no event', async () => {
    const users = 300;
    store = await withManyUsers(users);
    await Promise.all(hosts.map((host) => serveOn(host)));
    for (let n = 0; n < users; n += 1) {
      leaveMail(hosts[n % 4]!, n);
      if (n % 100 === 0) await postgres.run(CUT);
    }
    await postgres.halt('SIGINT');
    await postgres.start();
    for (let n = 0; n < users; n += 1) leaveMail(hosts[n % 4]!, n);
    await postgres.run(CUT);
    await allDone();
    const earlier = apns.received.length;
    expect(idsFrom(0).size).toBe(users);
    for (let n = 0; n < 100; n += 1) leaveMail(hosts[n % 4]!, n);
    await allDone();
    expect(idsFrom(earlier).size).toBe(100);
    tell(`cut and stopped: ${earlier} pushes for ${2 * users} events of ${users} devices, none lost`);
  });

  test('a host whose clock is a minute ahead, and one a minute behind, tell each device once and at once', async () => {
    const users = 300;
    store = await withManyUsers(users);
    hosts.splice(3).forEach((host) => host.remove());
    const [dir] = hosts.map((host) => host.dir);
    await Promise.all(hosts.map((host, n) => serveOn(host, nodeWithClock(dir!, (n - 1) * 60_000))));
    const startMs = performance.now();
    for (let n = 0; n < users; n += 1) leaveMail(hosts[n % 3]!, n);
    await allDone();
    const ids = idsFrom(0);
    expect([ids.size, apns.received.length]).toEqual([users, users]);
    tell(`clocks a minute apart: ${secondsSince(startMs)}`);
  });

  testWith(
    'networks of their own',
    networkAvailability(),
    'two of them, each in a network of its own, with nothing in common but the database',
    async () => {
      const users = 200;
      store = await withManyUsers(users);
      hosts.splice(2).forEach((host) => host.remove());
      for (const host of hosts) {
        const network = await createNetwork();
        onTestFinished(() => network.close());
        await network.letOut(Number(apns.url.port));
        await serveOn(host, network.nodeIn(host.dir));
      }
      for (let n = 0; n < users; n += 1) leaveMail(hosts[n % 2]!, n);
      await allDone();
      expect([idsFrom(0).size, apns.received.length]).toEqual([users, users]);
    },
  );
});

describeWith('PostgreSQL', postgresAvailability(), 'a failover to a standby that was synchronous', () => {
  test('loses no event, and the hosts find it by themselves', async () => {
    const primary = await startPostgres(['synchronous_standby_names=*', 'wal_level=replica']);
    onTestFinished(() => primary.stop());
    await primary.run('ALTER SYSTEM SET synchronous_commit = local');
    const standby = await startStandby(primary);
    onTestFinished(() => standby.stop());
    await primary.run('ALTER SYSTEM RESET synchronous_commit');
    await primary.run('SELECT pg_reload_conf()');
    const apns = await startTestApns();
    onTestFinished(() => apns.close());
    const own = await primary.database();
    const name = new URL(own.replace('postgresql:///', 'http://x/')).pathname;
    const folders = [primary.folder, standby.folder].map(encodeURIComponent).join(',');
    const url = `postgresql://${name}?host=${folders}&port=${primary.port},${standby.port}&user=postgres`;
    const users = 200;
    const store = await withUsers(url, users, apns.topic);
    onTestFinished(() => store.close());
    const hosts = [0, 1].map(() => createSharedHost(apns, url, AT_ONCE));
    onTestFinished(() => hosts.forEach((host) => host.remove()));
    const running = await Promise.all(hosts.map((host) => startServe(host)));
    onTestFinished(async () => {
      await Promise.all(running.map(({ end }) => end('SIGKILL')));
    });
    for (let n = 0; n < users; n += 1) leaveMail(hosts[n % 2]!, n);
    await apns.pushes(users / 10);
    await primary.halt('SIGKILL');
    const startMs = performance.now();
    const before = apns.received.length;
    standby.promote();
    const isDone = async (): Promise<boolean> =>
      hosts.every(isSpoolEmpty) && (await store.countRows().catch(() => undefined))?.waiting === 0;
    await eventually(isDone, (done) => done);
    const tokens = new Set(apns.received.map(({ deviceToken }) => deviceToken));
    const pushes = new Set(apns.received.map(({ deviceToken, apnsId }) => `${deviceToken} ${apnsId}`));
    expect(tokens.size).toBe(users);
    const again = apns.received.length - pushes.size;
    tell(`failover after ${before} pushes: all ${users} devices told ${secondsSince(startMs)} later`);
    // What was settled in the last moment is not waited for, and goes again.
    tell(`${again} again under the same apns-id, ${pushes.size - users} as a push of their own`);
  });
});

/** In SQL: a phone of each user, as they would register one after the other. */
function registrationsOf(users: number, topic: string): string[] {
  const nowMs = Date.now();
  return [
    `INSERT INTO xapplepush.targets (user_name, device_token, account_id, subtopic, aps_version, topic, source,
       registered_ms, renewed_ms)
     SELECT 'user' || n, lpad(to_hex(n), 64, '0'), 'account', 'com.apple.mobilemail', 2, '${topic}', 'cyrus',
       ${nowMs}, ${nowMs} FROM generate_series(1, ${users}) n`,
    `INSERT INTO xapplepush.subscriptions (target_id, owner, path, name, hash)
     SELECT id, user_name, 'INBOX', 'INBOX', 'hash' FROM xapplepush.targets`,
  ];
}

const EVENTS_A_FILE = 20;

/** The numbers of so many users, as they stand in one file. */
function parts(users: number): number[][] {
  return Array.from({ length: users / EVENTS_A_FILE }, (_, part) =>
    Array.from({ length: EVENTS_A_FILE }, (__, n) => part * EVENTS_A_FILE + n),
  );
}

/** As a door leaves many that came together. */
function leaveMails({ spool }: Sandbox, users: readonly number[]): void {
  const events = users.map((user) => messageNew(userNumber(user)));
  writeSpool(spool, Buffer.from(events.join('\n')), Date.now());
}

const CUT = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'xapplepush'`;

interface Standby {
  port: number;
  folder: string;
  promote: () => void;
  stop: () => Promise<void>;
}

/** A copy of that server that follows it, on its socket alone. */
async function startStandby(primary: Postgres): Promise<Standby> {
  const { bin, user, timeout } = postgresInstallation();
  const as = { ...user, cwd: '/', stdio: 'pipe' as const };
  const folder = join(primary.folder, 'standby');
  const data = join(folder, 'data');
  execFileSync('mkdir', [folder], as);
  const from = ['--host', primary.folder, '--port', String(primary.port), '--username', 'postgres'];
  execFileSync(
    join(bin, 'pg_basebackup'),
    [...from, '--pgdata', data, '--write-recovery-conf', '--no-sync', '--checkpoint=fast'],
    as,
  );
  const port = primary.port;
  const options = [`port=${port}`, 'listen_addresses=', `unix_socket_directories=${folder}`, 'fsync=off'];
  const given = [...options, 'synchronous_standby_names=', 'max_connections=60'].flatMap((each) => [
    '-c',
    each,
  ]);
  const child = spawn(timeout, ['--signal=INT', '300', join(bin, 'postgres'), '-D', data, ...given], {
    ...as,
    stdio: 'ignore',
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await eventually(
    () => primary.run("SELECT 1 FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')"),
    (rows) => rows.length > 0,
  );
  return {
    ...{ port, folder },
    promote: () => void execFileSync(join(bin, 'pg_ctl'), ['promote', '-D', data, '-W'], as),
    stop: async () => {
      child.kill('SIGINT');
      await ended;
    },
  };
}

/** A Node for whom it is so much later. */
function nodeWithClock(dir: string, aheadMs: number): string {
  const file = join(dir, `clock${aheadMs}.mjs`);
  writeFileSync(
    file,
    `const { now } = Date; const Own = Date; const ahead = ${aheadMs};
     globalThis.Date = class extends Own { constructor(...given) { given.length ? super(...given) : super(now() + ahead); } };
     globalThis.Date.now = () => now() + ahead;`,
  );
  return script(dir, `node${aheadMs}`, `exec ${process.execPath} --import ${file} "$@"`);
}

function script(dir: string, name: string, line: string): string {
  const file = join(dir, name);
  writeFileSync(file, `#!/bin/sh\n${line}\n`);
  chmodSync(file, 0o755);
  return file;
}

function secondsSince(startMs: number): string {
  return `${((performance.now() - startMs) / 1000).toFixed(1)} s`;
}

function tell(text: string): void {
  process.stdout.write(`${text}\n`);
}
