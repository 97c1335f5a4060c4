import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { mailboxHash } from '../../src/mailboxes/mailbox-hash.ts';
import type { ReceivedPush } from '../support/apns.ts';
import { eventually } from '../support/command.ts';
import { message } from '../support/cyrus-host.ts';
import { tool } from '../support/cyrus-installation.ts';
import { sent } from '../support/cyrus-serve.ts';
import { oxFragment, spoolFragment } from '../support/dovecot-config.ts';
import { createDovecotHost, type DovecotHost } from '../support/dovecot-host.ts';
import { describeWithDovecot, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { ACCOUNT_ID, DEVICE_TOKEN } from '../support/events.ts';
import { ask } from '../support/http-door.ts';
import { type ImapClient, loginImap } from '../support/imap.ts';
import { deliver } from '../support/lmtp.ts';
import { forget } from '../support/pushes.ts';
import { type Served, startServe } from '../support/serve.ts';

/** As the XAPS plugin sends it, here a fork that tells the phone its mailboxes. */
const REGISTRATION = JSON.stringify({
  ApsAccountId: ACCOUNT_ID,
  ApsDeviceToken: DEVICE_TOKEN,
  ApsSubtopic: 'com.apple.mobilemail',
  Username: 'alice',
  Mailboxes: ['INBOX', 'Lists'],
});

const CONFIGURATION = `delivery: { throttle: 1s, housekeeping_delay: 1s }
serve: { http: "127.0.0.1:0", plugin_names_mailboxes: true }
`;

describeWithDovecot('serve and a real Dovecot', () => {
  let host: DovecotHost;
  let served: Served;
  let address: string;
  let dovecot: Dovecot;
  let imap: ImapClient;

  beforeAll(async () => {
    host = await createDovecotHost(CONFIGURATION);
    served = await startServe(host.sandbox);
    address = /http (127\.0\.0\.1:\d+)/.exec(host.log())?.[1] ?? '';
  });
  afterAll(async () => {
    await served.end('SIGKILL');
    await host.close();
  });
  beforeEach(() => {
    forget(host.apns);
  });

  const start = async (configuration: (script: (name: string) => string) => string): Promise<void> => {
    // Without the folder of the host: what mentions it, such as serve, would be ended with Dovecot.
    dovecot = await startDovecot({ configuration });
    imap = await loginImap(dovecot, 'alice');
    await imap.command('SELECT INBOX');
  };
  const stop = async (): Promise<void> => {
    await imap.close();
    await dovecot.stop();
  };
  const deliverTo = async (recipient: string): Promise<void> => {
    const [reply] = await deliver(dovecot.lmtpPort, 'bob@example.net', [recipient], message('hello'));
    expect(reply?.code).toBe(250);
  };
  const push = async (): Promise<ReceivedPush> => {
    await eventually(
      () => host.apns.received.length,
      (count) => count > 0,
    );
    await sent(host.sandbox);
    expect(host.apns.received).toHaveLength(1);
    return host.apns.received[0]!;
  };
  const expectPush = async (folder?: string): Promise<void> => {
    const { payload, ...one } = await push();
    expect(one).toMatchObject({ deviceToken: DEVICE_TOKEN, topic: host.apns.topic, answer: '200' });
    const m = folder === undefined ? {} : { m: [mailboxHash(folder)] };
    expect(payload).toEqual({ aps: { 'account-id': ACCOUNT_ID, ...m } });
  };

  test('a phone registers by HTTP and is told the topic', async () => {
    const answer = await ask({ address }, 'POST', '/register', { body: REGISTRATION });
    expect(answer).toMatchObject({ status: 200, body: host.apns.topic });
  });

  describe('by its OX driver', () => {
    beforeAll(async () => {
      await start(() => oxFragment(`http://${address}/ox`));
      optIn(dovecot, 'alice');
      optIn(dovecot, 'carol');
    });
    afterAll(stop);

    test('a delivery to INBOX is told once', async () => {
      await deliverTo('alice');
      await expectPush();
    });

    test('one to somebody without a phone is taken, and nobody is told', async () => {
      const before = await putsAnswered();
      await deliverTo('carol');
      await vi.waitFor(async () => expect(await putsAnswered()).toBeGreaterThan(before), 10_000); // a scrape holds for a second
      await sent(host.sandbox);
      expect(host.apns.received).toEqual([]);
    });

    test('Dovecot has nothing to complain about', () => {
      expect(dovecot.log()).not.toMatch(/Warning|Error|Panic|Fatal/);
    });

    const putsAnswered = async (): Promise<number> => {
      const { body } = await ask({ address }, 'GET', '/metrics');
      const count = /^xapplepush_events_total\{door="http",event="MessageNew"\} (\d+)$/m.exec(body)?.[1];
      if (count === undefined) throw new Error(`no such events in ${body}`);
      return Number(count);
    };
  });

  describe('by push.lua and the spool', () => {
    beforeAll(() => start((script) => spoolFragment(script('push.lua'), host.sandbox.spool)));
    afterAll(stop);

    test.each([
      ['alice', undefined],
      ['alice+Lists', 'Lists'],
    ])('a delivery to %s is told once', async (recipient, folder) => {
      await deliverTo(recipient);
      await expectPush(folder);
    });

    test.each([
      ['reading', 'STORE 1 +FLAGS (\\Seen)'],
      ['marking as unread', 'STORE 1 -FLAGS (\\Seen)'],
      ['moving to a folder', 'MOVE 1 Lists'],
    ])('%s is told once', async (_what, command) => {
      await imap.command('NOOP'); // it learns of new messages by that
      expect(await imap.command(command)).toMatchObject({ status: 'OK' });
      await expectPush();
    });

    test('nothing is left in the spool, and nobody complains', async () => {
      expect(dovecot.log()).not.toMatch(/Warning|Error|Panic|Fatal/);
      expect(await served.end('SIGTERM')).toBe(0);
      expect(served.stderr()).toBe('');
    });
  });
});

/** Only who has this metadata is told of by the driver. */
function optIn({ dir }: Dovecot, user: string): void {
  const key = '/private/vendor/vendor.dovecot/http-notify';
  const command = ['mailbox', 'metadata', 'set', '-s', '-u', user, '', key, `user=${user}`];
  execFileSync(tool('doveadm') ?? 'doveadm', ['-c', join(dir, 'dovecot.conf'), ...command], {
    stdio: 'pipe',
  });
}
