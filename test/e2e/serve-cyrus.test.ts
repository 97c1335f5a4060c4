import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ENDING_TIMEOUT_MS } from '../../src/serve/shift-work.ts';
import type { ReceivedPush } from '../support/apns.ts';
import { eventually } from '../support/command.ts';
import { message } from '../support/cyrus-host.ts';
import { createServingHost, phone, type ServingHost } from '../support/cyrus-serve.ts';
import { type Cyrus, describeWithCyrus, startCyrus } from '../support/cyrus.ts';
import { DEVICE_TOKEN } from '../support/events.ts';
import { type ImapClient, loginImap } from '../support/imap.ts';
import { deliver } from '../support/lmtp.ts';
import { forget } from '../support/pushes.ts';
import type { Served } from '../support/serve.ts';

/** As the host has configured them. */
const [THROTTLE_MS, HOUSEKEEPING_DELAY_MS] = [1000, 1000];

/** Has no device; the host knows by it that notifyd has told all that was before. */
const SENTINEL = 'sentinel';

const CHANGES = [
  ['reading', 'UID STORE 1 +FLAGS (\\Seen)'],
  ['marking as unread', 'UID STORE 1 -FLAGS (\\Seen)'],
  ['moving to a folder', 'UID MOVE 1 Trash'],
  ['deleting', 'UID STORE 2 +FLAGS (\\Deleted)'],
] as const;

/** How events come from Cyrus to `serve`. */
const WAYS = [
  {
    way: 'the dlist socket',
    start: (host: ServingHost) => host.start(['alice'], { notifysocket: host.notifySocket }),
    hasNotifyd: false,
  },
  {
    way: 'notifyd and xapplepush-spool',
    start: ({ apns, sandbox }: ServingHost) =>
      startCyrus({
        notifyExternal: join(sandbox.dir, 'program/bin/xapplepush-spool'),
        apsTopic: apns.topic,
        users: ['alice', SENTINEL],
        environment: { XAPPLEPUSH_SPOOL: sandbox.spool },
      }),
    hasNotifyd: true,
  },
];

describeWithCyrus('serve and a real Cyrus', () => {
  describe.each(WAYS)('by $way', ({ start, hasNotifyd }) => {
    let host: ServingHost;
    let served: Served;
    let cyrus: Cyrus;
    let imap: ImapClient;

    beforeAll(async () => {
      host = await createServingHost();
      served = await host.serve();
      cyrus = await start(host);
      imap = await loginImap(cyrus, 'alice');
      for (const folder of ['Archive', 'Trash'])
        expect(await imap.command(`CREATE ${folder}`)).toMatchObject({ status: 'OK' });
      // Plus addressing is posted by anyone.
      expect(await imap.command('SETACL Archive anyone p')).toMatchObject({ status: 'OK' });
    });
    afterAll(async () => {
      await imap.close();
      await cyrus.stop();
      await host.close();
    });
    beforeEach(() => {
      forget(host.apns);
    });

    /** All pushes that come of what was done: at least one, until nothing more is owed. */
    const pushes = async (): Promise<ReceivedPush[]> => {
      await eventually(
        () => host.apns.received.length,
        (count) => count > 0,
      );
      await host.settled(cyrus); // notifyd may have more to tell
      await host.sent();
      return host.apns.received;
    };
    const deliverTo = async (recipient: string): Promise<void> => {
      const [reply] = await deliver(cyrus.lmtpPort, 'bob@example.net', [recipient], message('hello'));
      expect(reply?.code).toBe(250);
    };

    test('a phone registers over IMAP', async () => {
      const reply = await imap.registerDevice(phone(DEVICE_TOKEN, ['INBOX', 'Archive']));
      expect(reply).toMatchObject({ status: 'OK', topic: host.apns.topic });
      await eventually(
        () => host.sandbox.run(['targets', 'list', '--json', '--user', 'alice']),
        ({ exitCode, stdout }) => exitCode === 0 && stdout.includes('"source": "cyrus"'),
      );
      expect(cyrus.notifydPid() !== undefined).toBe(hasNotifyd);
    });

    test('a delivery to INBOX is told once', async () => {
      await deliverTo('alice');
      const { accountId } = phone(DEVICE_TOKEN, []);
      expect(await pushes()).toMatchObject([
        { deviceToken: DEVICE_TOKEN, topic: host.apns.topic, accountId, answer: '200' },
      ]);
      expect(host.apns.received[0]?.payload).toEqual({ aps: { 'account-id': accountId } });
    });

    test('a delivery to a folder is told once, with the hash of its name', async () => {
      await deliverTo('alice+Archive');
      const m = [createHash('md5').update('Archive').digest('hex')];
      expect(await pushes()).toMatchObject([{ deviceToken: DEVICE_TOKEN, m }]);
    });

    test('a burst is told at once, and once more for each throttle window', async () => {
      const startMs = Date.now();
      for (let n = 0; n < 10; n += 1) await deliverTo('alice');
      const tookMs = Date.now() - startMs;
      await pushes();
      const count = host.apns.received.length;
      expect(count).toBeGreaterThanOrEqual(1);
      // The first, one for each window that has passed, and the one at the end of the last.
      expect(count).toBeLessThanOrEqual(2 + Math.floor(tookMs / THROTTLE_MS));
    });

    test.each(CHANGES)('%s in INBOX is told once, after a delay', async (_what, command) => {
      await imap.command('SELECT INBOX');
      const startMs = Date.now();
      expect(await imap.command(command)).toMatchObject({ status: 'OK' });
      expect(await pushes()).toMatchObject([{ deviceToken: DEVICE_TOKEN, topic: host.apns.topic }]);
      expect(host.apns.received[0]?.m).toBeUndefined();
      expect(host.apns.received[0]!.atMs - startMs).toBeGreaterThanOrEqual(HOUSEKEEPING_DELAY_MS);
    });

    test('all over one connection, without a process of its own', () => {
      expect(host.apns.connections).toBe(1);
      expect(host.sandbox.deliverers()).toEqual([]);
    });

    test('with nothing under way it ends without waiting', async () => {
      const startMs = performance.now();
      expect(await served.end('SIGTERM')).toBe(0);
      expect(performance.now() - startMs).toBeLessThan(ENDING_TIMEOUT_MS);
      expect(served.stderr()).toBe('');
    });
  });
});
