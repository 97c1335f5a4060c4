import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openPostgres } from '../../src/store/postgres/open.ts';
import type { Store } from '../../src/store/store.ts';
import { startTestApns, type TestApns } from '../support/apns.ts';
import { eventually, type Sandbox } from '../support/command.ts';
import { message } from '../support/cyrus-host.ts';
import { spoolFragment } from '../support/dovecot-config.ts';
import { makeSpool } from '../support/dovecot-host.ts';
import { buildPlugin, pluginAvailability, pluginFolder, pluginFragment } from '../support/dovecot-plugin.ts';
import { type Dovecot, MAIL_USER, startDovecot } from '../support/dovecot.ts';
import { ACCOUNT_ID, tokenNumber } from '../support/events.ts';
import { loginImap } from '../support/imap.ts';
import { deliver } from '../support/lmtp.ts';
import { describeWith } from '../support/needs.ts';
import { createNetwork, networkAvailability } from '../support/network.ts';
import { type Postgres, startPostgres } from '../support/postgres.ts';
import { postgresAvailability } from '../support/postgres-installation.ts';
import { forget } from '../support/pushes.ts';
import { type Served, startServe } from '../support/serve.ts';
import { createSharedHost, isSpoolEmpty } from '../support/shared-hosts.ts';

/** A mail server with its own network, spool and `serve`. */
interface MailHost {
  sandbox: Sandbox;
  dovecot: Dovecot;
  node: string;
  served: Served;
}

/** What has been started, in that order. */
type Ends = (() => unknown)[];

const needs = [pluginAvailability(), postgresAvailability(), networkAvailability()];
const availability = needs.find(({ available }) => !available) ?? { available: true };

describeWith('Dovecot, PostgreSQL and networks', availability, 'two hosts with a real Dovecot each', () => {
  let postgres: Postgres;
  let apns: TestApns;
  let store: Store;
  const hosts: MailHost[] = [];
  const ends: Ends = [];

  beforeAll(async () => {
    [postgres, apns] = await Promise.all([startPostgres(), startTestApns()]);
    ends.push(() => Promise.all([apns.close(), postgres.stop()]));
    for (const folder of [postgres.folder, apns.dir]) chmodSync(folder, 0o755); // the mail user looks there
    const url = await postgres.database();
    store = openPostgres({ url }, { create: true });
    ends.push(() => store.close());
    await store.schemaVersion();
    for (const name of ['mail1', 'mail2']) hosts.push(await startHost(name, url, apns, ends));
  });
  afterAll(async () => {
    for (const end of ends.reverse()) await end();
  });
  beforeEach(() => {
    forget(apns);
  });

  const isDone = async (): Promise<boolean> =>
    hosts.every(({ sandbox }) => isSpoolEmpty(sandbox)) && (await store.countRows()).waiting === 0;
  /** The devices that were told, when nothing waits any more. */
  const told = async (pushes: number): Promise<string[]> => {
    await apns.pushes(pushes);
    await eventually(isDone, (done) => done);
    return apns.received.map(({ deviceToken }) => deviceToken).sort();
  };

  test('phones register with one of them, a user on each', async () => {
    for (const [n, user] of USERS.entries()) {
      const imap = await loginImap(hosts[n]!.dovecot, user);
      expect(await imap.registerDevice({ ...PHONE, deviceToken: tokenNumber(n) })).toMatchObject({
        status: 'OK',
        topic: apns.topic,
      });
      await imap.close();
    }
    await eventually(
      () => store.countRows(),
      ({ targets }) => targets === USERS.length,
    );
  });

  test.each([
    ['alice', 0],
    ['alice', 1],
    ['bob', 0],
    ['bob', 1],
  ])('mail for %s that comes to host %i is told once', async (user, n) => {
    await deliverTo(hosts[n]!, user);
    expect(await told(1)).toEqual([deviceOf(user)]);
  });

  test.each([0, 1])('with serve of host %i killed, either tells what comes to it, once', async (n) => {
    const [killed, other] = [hosts[n]!, hosts[1 - n]!];
    await killed.served.end('SIGKILL');
    for (const user of USERS) await deliverTo(other, user);
    expect(await told(2)).toEqual(USERS.map(deviceOf));
    forget(apns);
    for (const user of USERS) await deliverTo(killed, user);
    expect([readdirSync(join(killed.sandbox.spool, 'new')).length, apns.received]).toEqual([2, []]);
    killed.served = await startServe(killed.sandbox, undefined, killed.node);
    expect(await told(2)).toEqual(USERS.map(deviceOf));
  });

  test('with the database away, both take mail, and tell it once when it is back', async () => {
    await postgres.halt(); // what was settled last is on the disk: killed, it would go again, under the same apns-id
    await deliverTo(hosts[1]!, 'alice');
    await deliverTo(hosts[0]!, 'bob');
    for (const { sandbox } of hosts) {
      await eventually(
        () => readFileSync(join(sandbox.dir, 'log'), 'utf8'),
        (log) => log.includes('not all of the spool can be taken now'),
      );
      expect(isSpoolEmpty(sandbox)).toBe(false);
    }
    expect(apns.received).toEqual([]);
    await postgres.start();
    expect(await told(2)).toEqual(USERS.map(deviceOf));
  });

  test('neither Dovecot has anything to complain about', () => {
    for (const { dovecot } of hosts) expect(dovecot.log()).not.toMatch(/Warning|Error|Panic|Fatal/);
  });
});

const USERS = ['alice', 'bob'];

const PHONE = {
  accountId: ACCOUNT_ID,
  subtopic: 'com.apple.mobilemail',
  mailboxes: ['INBOX'],
  version: 2,
};

function deviceOf(user: string): string {
  return tokenNumber(USERS.indexOf(user));
}

async function startHost(name: string, url: string, apns: TestApns, ends: Ends): Promise<MailHost> {
  const sandbox = createSharedHost(apns, url, `host: ${name}\ndelivery: { throttle: 0s }\n`);
  ends.push(() => sandbox.remove());
  const { dir, spool } = sandbox;
  makeSpool(spool);
  const network = await createNetwork();
  ends.push(() => network.close());
  await network.letOut(Number(apns.url.port));
  const [node, modules] = [network.nodeIn(dir), pluginFolder(join(dir, 'modules'), buildPlugin())];
  execFileSync('chown', ['-R', `${MAIL_USER}:`, dir, apns.dir]);
  chmodSync(dir, 0o755);
  const host: Omit<MailHost, 'dovecot'> = {
    sandbox,
    node,
    served: await startServe(sandbox, undefined, node),
  };
  ends.push(() => host.served.end('SIGKILL'));
  const configuration = (script: (name: string) => string): string =>
    `${spoolFragment(script('push.lua'), spool)}${pluginFragment(modules, apns.topic, spool)}`;
  const dovecot = await startDovecot({ configuration, network });
  ends.push(() => dovecot.stop());
  return Object.assign(host, { dovecot });
}

async function deliverTo({ dovecot }: MailHost, user: string): Promise<void> {
  const [reply] = await deliver(dovecot.lmtpPort, 'carol@example.net', [user], message('hello'));
  expect(reply?.code).toBe(250);
}
