import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { mailboxHash } from '../../src/mailboxes/mailbox-hash.ts';
import { message } from '../support/cyrus-host.ts';
import { spoolFragment } from '../support/dovecot-config.ts';
import { createDovecotHost, type DovecotHost } from '../support/dovecot-host.ts';
import { buildPlugin, describeWithPlugin, pluginFolder, pluginFragment } from '../support/dovecot-plugin.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { ACCOUNT_ID, DEVICE_TOKEN } from '../support/events.ts';
import { type ImapClient, loginImap } from '../support/imap.ts';
import { deliver } from '../support/lmtp.ts';
import { forget } from '../support/pushes.ts';

const DELIVERY = 'delivery: { linger: 1s, throttle: 0s, housekeeping_delay: 0s }\n';

const PHONE = {
  accountId: ACCOUNT_ID,
  deviceToken: DEVICE_TOKEN,
  subtopic: 'com.apple.mobilemail',
  version: 2,
};

describeWithPlugin('a phone that registers with a real Dovecot by our plugin', () => {
  let host: DovecotHost;
  let dovecot: Dovecot;
  let alice: ImapClient;

  beforeAll(async () => {
    host = await createDovecotHost(DELIVERY);
    const { sandbox, apns } = host;
    const folder = pluginFolder(join(sandbox.dir, 'modules'), buildPlugin());
    dovecot = await startDovecot({
      configuration: (script) =>
        spoolFragment(script('push.lua'), sandbox.spool) + pluginFragment(folder, apns.topic, sandbox.spool),
      directories: [sandbox.dir],
    });
    alice = await loginImap(dovecot, 'alice');
  });
  afterAll(async () => {
    await alice.close();
    await dovecot.stop();
    await host.close();
  });
  beforeEach(() => {
    forget(host.apns);
  });

  const flush = async (): Promise<void> => {
    const { exitCode, stderr } = await host.sandbox.run(['flush', '--all', '--json']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  };
  const deliverTo = async (recipient: string): Promise<void> => {
    const [reply] = await deliver(dovecot.lmtpPort, 'bob@example.net', [recipient], message('hello'));
    expect(reply?.code).toBe(250);
  };

  test('is told the topic and its mailboxes, and hears of mail in them', async () => {
    await alice.command('CREATE Lists');
    const { status, topic, mailboxes } = await alice.registerDevice({
      ...PHONE,
      mailboxes: ['INBOX', 'Lists', 'NoSuch'],
    });
    expect({ status, topic, mailboxes }).toEqual({
      status: 'OK',
      topic: host.apns.topic,
      mailboxes: ['INBOX', 'Lists'],
    });
    await deliverTo('alice+Lists');
    await flush();
    expect(host.apns.received).toMatchObject([
      {
        deviceToken: DEVICE_TOKEN,
        topic: host.apns.topic,
        payload: { aps: { 'account-id': ACCOUNT_ID, m: [mailboxHash('Lists')] } },
      },
    ]);
  });
});
