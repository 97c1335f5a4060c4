import { randomUUID } from 'node:crypto';
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { StatusJson } from '../src/status/json.ts';
import type { Store } from '../src/store/store.ts';
import { startTestApns, type TestApns } from './support/apns.ts';
import { eventually, type Sandbox } from './support/command.ts';
import { messageNew, tokenNumber } from './support/events.ts';
import { describeWith } from './support/needs.ts';
import { type Postgres, startPostgres } from './support/postgres.ts';
import { postgresAvailability } from './support/postgres-installation.ts';
import { startPushService } from './support/push-service.ts';
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

describeWith('PostgreSQL', postgresAvailability(), 'hosts that share a PostgreSQL', () => {
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
    hosts = [0, 1].map(() => createSharedHost(apns, url, AT_ONCE));
    served = [];
  });
  afterEach(async () => {
    await Promise.all(served.map(({ end }) => end('SIGKILL')));
    store?.close();
    for (const host of hosts) host.remove();
    await apns.close();
  });

  const serveOn = async (host: Sandbox): Promise<Served> => {
    const one = await startServe(host);
    served.push(one);
    return one;
  };
  const files = ({ spool }: Sandbox): number => readdirSync(join(spool, 'new')).length;
  const isEmpty = async (): Promise<boolean> =>
    hosts.every(isSpoolEmpty) && (await store?.countRows())?.waiting === 0;

  test('tell each device once, whichever of them its event came to, and share the work', async () => {
    const users = 2000;
    store = await withUsers(url, users, apns.topic);
    for (let user = 0; user < users; user += 1) leaveMail(hosts[user % 2]!, user);
    await Promise.all(hosts.map(serveOn));
    await apns.pushes(users);
    await eventually(isEmpty, (empty) => empty);
    expect([idsOf(apns.received).size, apns.received.length]).toEqual([users, users]);
    // Told after the commit.
    const byHost = await eventually(
      () => hosts.map(deliveredBy),
      (counts) => counts.reduce((sum, count) => sum + count, 0) >= users,
    );
    expect(byHost.reduce((sum, count) => sum + count, 0)).toBe(users);
    expect(Math.min(...byHost)).toBeGreaterThan(0);
    const status = await eventually(
      async () => JSON.parse((await hosts[0]!.run(['status', '--json'])).stdout) as StatusJson,
      ({ rates }) => rates?.hour.delivered === users,
    );
    expect(status.hosts).toMatchObject([{ host: hostname(), serve: 'running', clockAheadMs: 0 }]);
    expect(status.rates?.hour).toMatchObject({ delivered: users, failed: 0 });
    const [last] = [users - 1].map(userNumber);
    const { stdout } = await hosts[0]!.run(['log', '--json', '--user', last!]);
    const entries = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; host: string });
    expect(entries.map(({ kind, host }) => [kind, host])).toEqual(
      ['event', 'push'].map((kind) => [kind, hostname()]),
    );
  });

  test('tell a webhook of each user once, whichever of them has the event', async () => {
    const service = await startPushService();
    const users = 40;
    store = await withUsers(url, 0, apns.topic);
    for (const host of hosts) {
      const secret = join(host.dir, 'secret');
      writeFileSync(secret, 'a secret of 16 or more\n', { mode: 0o600 });
      const webhook = `webhook: { urls: ["${service.url}"], secret_file: ${secret} }\n`;
      appendFileSync(host.configFile, webhook);
    }
    for (let user = 0; user < users; user += 1) leaveMail(hosts[user % 2]!, user);
    await Promise.all(hosts.map(serveOn));
    await eventually(
      () => store!.countNotices().then(({ notices }) => hosts.every(isSpoolEmpty) && notices === 0),
      (done) => done && service.asked.length > 0,
    );
    const told = service.asked.map(({ body }) => (JSON.parse(body.toString()) as { user: string }).user);
    expect(told.sort()).toEqual(Array.from({ length: users }, (_, user) => userNumber(user)).sort());
  });

  test('lose nothing when one is killed, and what it was sending goes again under the same apns-id', async () => {
    const users = 200;
    store = await withUsers(url, users, apns.topic);
    const [first] = await Promise.all(hosts.map(serveOn));
    for (let user = 0; user < users; user += 1) leaveMail(hosts[user % 2]!, user);
    await apns.pushes(20);
    await first?.end('SIGKILL');
    // Their batch may be in the database: what has been told of it is told once more, as a push of its own.
    const readAgain = devicesLeft(hosts[0]!);
    await serveOn(hosts[0]!);
    await eventually(isEmpty, (empty) => empty);
    const ids = idsOf(apns.received);
    expect(ids.size).toBe(users);
    expect(readAgain).toEqual(expect.arrayContaining(toldAgain(ids)));
  });

  test('keep events in their spools while PostgreSQL is away, say so, and tell everything afterwards', async () => {
    const users = 60;
    store = await withUsers(url, users, apns.topic);
    await Promise.all(hosts.map(serveOn));
    await postgres.halt('SIGKILL');
    for (let user = 0; user < users; user += 1) leaveMail(hosts[user % 2]!, user);
    const status = await eventually(
      () => hosts[0]!.run(['status']),
      ({ stdout }) => /cannot be reached/.test(stdout),
    );
    expect(status.stdout).toMatch(/^does not work/m);
    expect(await hosts[0]!.notify(messageNew())).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(files(hosts[0]!)).toBeGreaterThan(0);
    await postgres.start();
    await apns.pushes(users);
    await eventually(isEmpty, (empty) => empty);
    expect(idsOf(apns.received).size).toBe(users);
    const log = readFileSync(join(hosts[0]!.dir, 'log'), 'utf8');
    expect(log).toMatch(/"reason":"[^"]*cannot be reached[^\n]*not all of the spool can be taken now/);
    // Once for each reason: connections are cut, then refused, then the server is starting, and not yet ready.
    expect(log.split('delivery is interrupted').length).toBeLessThan(6);
  });

  test('hear of each other at once: what one host has enqueued the other sends', async () => {
    store = await withUsers(url, 1, apns.topic);
    await serveOn(hosts[1]!);
    const mailboxes = [{ owner: userNumber(0), path: 'INBOX' }];
    const timing = { throttleMs: 0, housekeepingDelayMs: 0 };
    await store.enqueue({ event: 'MessageNew', mailboxes, nowMs: Date.now(), newApnsId: randomUUID, timing });
    expect((await apns.pushes(1))[0]?.deviceToken).toBe(tokenNumber(0));
    await served[0]?.end('SIGTERM');
    const { stdout } = await hosts[0]!.run(['log', '--pushes']); // brought before it ended
    expect(stdout).toMatch(new RegExp(`HOST .*\\n.* ${hostname()} .*user1 .*Apple took the push`));
    const status = JSON.parse((await hosts[0]!.run(['status', '--json'])).stdout) as StatusJson;
    expect(status.hosts).toMatchObject([{ host: hostname(), serve: 'ended' }]);
  });

  test('prune what they share one at a time, and the rest each for itself', async () => {
    store = await withUsers(url, 1, apns.topic);
    await store.shared?.takeDuty('prune', 'another host', 60_000);
    const elsewhere = await hosts[0]!.run(['prune']);
    expect(elsewhere).toMatchObject({ exitCode: 0, stderr: '' });
    expect(elsewhere.stdout).toMatch(/^another host prunes the database now\nremoved 0 bad files .*\n$/);
    expect((await hosts[0]!.run(['prune', '--dry-run'])).stdout).toMatch(/^would remove 0 devices/);
    await store.shared?.leaveDuties('another host');
    for (const host of hosts) expect((await host.run(['prune'])).stdout).toMatch(/^removed 0 devices/);
  });

  test('send what they hear of while Apple owes an answer', async () => {
    store = await withUsers(url, 2, apns.topic);
    apns.setAnswers(tokenNumber(0), ['silent']);
    await serveOn(hosts[1]!);
    const timing = { throttleMs: 0, housekeepingDelayMs: 0 };
    for (const user of [0, 1]) {
      const mailboxes = [{ owner: userNumber(user), path: 'INBOX' }];
      await store.enqueue({
        ...{ event: 'MessageNew' as const, mailboxes, nowMs: Date.now(), newApnsId: randomUUID, timing },
      });
      await apns.pushes(user + 1);
    }
    expect(apns.received.map(({ deviceToken }) => deviceToken)).toEqual([0, 1].map(tokenNumber));
  });
});
