import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { mailboxHash } from '../../src/mailboxes/mailbox-hash.ts';
import { message } from '../support/cyrus-host.ts';
import { sent } from '../support/cyrus-serve.ts';
import { spoolFragment } from '../support/dovecot-config.ts';
import { createDovecotHost, type DovecotHost } from '../support/dovecot-host.ts';
import { buildPlugin, describeWithPlugin, pluginFolder, pluginFragment } from '../support/dovecot-plugin.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { tokenNumber } from '../support/events.ts';
import { ask } from '../support/http-door.ts';
import { loginImap } from '../support/imap.ts';
import { deliver } from '../support/lmtp.ts';
import { forget } from '../support/pushes.ts';
import { type Served, startServe } from '../support/serve.ts';

const CONFIGURATION = `delivery: { throttle: 0s, housekeeping_delay: 0s }
serve: { http: "127.0.0.1:0" }
`;

const MAILBOXES = ['INBOX', 'Lists', 'Entw&APw-rfe'];

interface Owner {
  user: string;
  token: string;
  accountId: string;
}

const ALICE = { user: 'alice', token: tokenNumber(1), accountId: '0715A26B-CA09-4730-A419-793000CA982E' };
const BOB = { user: 'bob', token: tokenNumber(2), accountId: '1826B37C-DB1A-4841-B52A-8A4111DBA93F' };

describeWithPlugin('from another plugin to ours, with a real Dovecot and serve', () => {
  let host: DovecotHost;
  let served: Served;
  let dovecot: Dovecot;

  beforeAll(async () => {
    host = await createDovecotHost(CONFIGURATION);
    served = await startServe(host.sandbox);
    const { sandbox, apns } = host;
    const folder = pluginFolder(join(sandbox.dir, 'modules'), buildPlugin());
    // Without the folder of the host: what mentions it, such as serve, would be ended with Dovecot.
    dovecot = await startDovecot({
      configuration: (script) =>
        `${spoolFragment(script('push.lua'), sandbox.spool)}${pluginFragment(folder, apns.topic, sandbox.spool)}`,
    });
  });
  afterAll(async () => {
    await dovecot.stop();
    await served.end('SIGKILL');
    await host.close();
  });
  beforeEach(() => {
    forget(host.apns);
  });

  const address = (): string => /http (127\.0\.0\.1:\d+)/.exec(host.log())?.[1] ?? '';
  const devices = async ({ user }: Owner): Promise<unknown> => {
    const { stdout } = await host.sandbox.run(['devices', 'list', '--user', user, '--json']);
    return JSON.parse(stdout);
  };
  /** The pushes that a delivery leads to: the device's token, and the names in it. */
  const pushesFor = async (recipient: string): Promise<[string, string[] | undefined][]> => {
    forget(host.apns);
    const [reply] = await deliver(dovecot.lmtpPort, 'carol@example.net', [recipient], message('hello'));
    expect(reply?.code).toBe(250);
    await sent(host.sandbox);
    return host.apns.received.map(({ deviceToken, m }) => [deviceToken, m]);
  };

  const byHttp = async ({ user, token, accountId }: Owner): Promise<void> => {
    const body = JSON.stringify({
      ...{
        ApsAccountId: accountId,
        ApsDeviceToken: token.toUpperCase(),
        ApsSubtopic: 'com.apple.mobilemail',
      },
      ...{ Username: user, Mailboxes: MAILBOXES },
    });
    const answer = await ask({ address: address() }, 'POST', '/register', { body });
    expect(answer).toMatchObject({ status: 200, body: host.apns.topic });
  };
  const byImport = async ({ user, token, accountId }: Owner): Promise<void> => {
    const file = join(host.sandbox.dir, 'database.json');
    const account = { DeviceToken: token, Mailboxes: MAILBOXES, RegistrationTime: new Date().toISOString() };
    writeFileSync(file, JSON.stringify({ Users: { [user]: { Accounts: { [accountId]: account } } } }));
    const given = ['devices', 'import', file, '--topic', host.apns.topic];
    expect(await host.sandbox.run(given)).toMatchObject({ exitCode: 0 });
  };

  test.each([
    ['registered at serve.http', ALICE, byHttp],
    ['came from the database of the daemon', BOB, byImport],
  ])(
    'a phone that %s hears of INBOX until it registers by itself, and then of all, once',
    async (_, owner, before) => {
      const { user, token, accountId } = owner;
      await before(owner);
      expect(await pushesFor(user)).toEqual([[token, undefined]]);
      expect(await pushesFor(`${user}+Lists`)).toEqual([]);
      const imap = await loginImap(dovecot, user);
      await imap.command('CREATE "Entw&APw-rfe"');
      const phone = { accountId, deviceToken: token, subtopic: 'com.apple.mobilemail', version: 2 };
      const reply = await imap.registerDevice({ ...phone, mailboxes: MAILBOXES });
      expect(reply).toMatchObject({ status: 'OK', topic: host.apns.topic, mailboxes: MAILBOXES });
      await imap.close();
      await sent(host.sandbox);
      expect(await devices(owner)).toMatchObject([{ user, source: 'dovecot-plugin' }]);
      expect(await pushesFor(user)).toEqual([[token, undefined]]);
      expect(await pushesFor(`${user}+Lists`)).toEqual([[token, [mailboxHash('Lists')]]]);
    },
  );

  test('and back: it is one device still', async () => {
    await byHttp(ALICE);
    expect(await devices(ALICE)).toMatchObject([{ user: 'alice', source: 'xaps' }]);
    expect(await pushesFor('alice')).toEqual([[ALICE.token, undefined]]);
    expect(await pushesFor('alice+Lists')).toEqual([]);
  });

  test('nobody complains', () => {
    expect(dovecot.log()).not.toMatch(/Warning|Error|Panic|Fatal/);
    expect(served.stderr()).toBe('');
    expect(host.log()).not.toMatch(/"level":"(?:error|warn)"/);
  });
});
