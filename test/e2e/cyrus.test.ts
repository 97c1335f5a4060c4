import { createHash } from 'node:crypto';
import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { TestApns } from '../support/apns.ts';
import { eventually, type Sandbox } from '../support/command.ts';
import { createCyrusHost, type CyrusHost, message } from '../support/cyrus-host.ts';
import { type Cyrus, describeWithCyrus } from '../support/cyrus.ts';
import { type ImapClient, loginImap } from '../support/imap.ts';
import { deliver } from '../support/lmtp.ts';
import { forget } from '../support/pushes.ts';

const ACCOUNT_ID = '0715A26B-CA09-4730-A419-793000CA982E';
const TOKEN = '80aa34cb0fc0a6cb4f0a5c8b8f9b4f3a80aa34cb0fc0a6cb4f0a5c8b8f9b4f3a';

interface Variant {
  title: string;
  namespace: Record<string, string>;
  user: string;
  archive: string;
  trash: string;
}

const VARIANTS: Variant[] = [
  {
    title: "Cyrus's own defaults",
    namespace: {},
    user: 'alice',
    archive: 'Archive',
    trash: 'Trash',
  },
  {
    title: "Debian's namespace (altnamespace and unixhierarchysep off)",
    namespace: { altnamespace: 'no', unixhierarchysep: 'no' },
    user: 'dot.user',
    archive: 'INBOX.Archive',
    trash: 'INBOX.Trash',
  },
  {
    title: 'virtual domains',
    namespace: { virtdomains: 'userid', defaultdomain: 'example.com' },
    user: 'john@example.org',
    archive: 'Archive',
    trash: 'Trash',
  },
];

describeWithCyrus('a real Cyrus', () => {
  let host: CyrusHost;
  let apns: TestApns;
  let sandbox: Sandbox;

  beforeAll(async () => {
    host = await createCyrusHost('{ linger: 1s, deadline: 5s }');
    ({ apns, sandbox } = host);
  });
  afterAll(() => host.close());

  describe.each(VARIANTS)('with $title', (variant) => {
    let cyrus: Cyrus;
    let imap: ImapClient;

    beforeAll(async () => {
      cyrus = await host.start([variant.user], variant.namespace);
      imap = await loginImap(cyrus, variant.user);
      for (const folder of [variant.archive, variant.trash]) {
        expect(await imap.command(`CREATE "${folder}"`)).toMatchObject({ status: 'OK' });
      }
    });
    afterAll(async () => {
      await imap.close();
      await host.settled(cyrus); // a deliverer killed before it notes Apple's answer leaves the push to the next one
      await cyrus.stop();
    });
    beforeEach(() => {
      forget(apns);
    });

    const pushes = (count: number): Promise<TestApns['received']> =>
      eventually(
        () => apns.received,
        (received) => received.length >= count,
      );

    test('a phone registers over IMAP', async () => {
      const answer = await imap.registerDevice({
        accountId: ACCOUNT_ID,
        deviceToken: TOKEN,
        subtopic: 'com.apple.mobilemail',
        mailboxes: ['INBOX', variant.archive],
        version: 2,
      });
      expect(answer).toMatchObject({ status: 'OK', topic: apns.topic });
      const listed = await eventually(
        () => sandbox.run(['targets', 'list', '--json', '--user', variant.user]),
        ({ exitCode, stdout }) => exitCode === 0 && stdout.includes('registered'),
      );
      expect(JSON.parse(listed.stdout)).toMatchObject([
        { user: variant.user, topic: apns.topic, source: 'cyrus' },
      ]);
    });

    test('a delivery to INBOX', async () => {
      const [reply] = await deliver(cyrus.lmtpPort, 'bob@example.net', [variant.user], message('inbox'));
      expect(reply?.code).toBe(250);
      const [push] = await pushes(1);
      expect(push).toMatchObject({
        deviceToken: TOKEN,
        topic: apns.topic,
        accountId: ACCOUNT_ID,
        priority: '5',
      });
      expect(push?.payload).toEqual({ aps: { 'account-id': ACCOUNT_ID } });
    });

    test('appending to a folder is no delivery', async () => {
      await imap.command(`APPEND "${variant.archive}"`, message('append'));
      await imap.command('NOOP');
      await host.settled(cyrus);
      expect(apns.received).toHaveLength(0);
    });

    test.each([
      ['reading', 'UID STORE 1 +FLAGS (\\Seen)'],
      ['marking as unread', 'UID STORE 1 -FLAGS (\\Seen)'],
      ['deleting', 'UID STORE 1 +FLAGS (\\Deleted)'],
    ])('%s in INBOX is told once', async (_what, command) => {
      await imap.command('SELECT INBOX');
      expect(await imap.command(command)).toMatchObject({ status: 'OK' });
      await pushes(1);
      await host.settled(cyrus);
      expect(apns.received).toHaveLength(1);
      expect(apns.received[0]?.payload).toEqual({ aps: { 'account-id': ACCOUNT_ID } });
    });

    test('a flag that is not \\Seen is not told', async () => {
      await imap.command('UID STORE 1 +FLAGS (\\Flagged)');
      await imap.command('UID STORE 1 -FLAGS (\\Flagged)');
      await host.settled(cyrus);
      expect(apns.received).toHaveLength(0);
    });

    test('moving out of INBOX is told once', async () => {
      expect(await imap.command(`UID MOVE 1 "${variant.trash}"`)).toMatchObject({ status: 'OK' });
      await pushes(1);
      await host.settled(cyrus);
      expect(apns.received).toHaveLength(1);
    });

    test('a delivery to a folder carries its hash in m', async () => {
      expect(await imap.command(`SETACL "${variant.archive}" anyone p`)).toMatchObject({ status: 'OK' });
      const recipient = variant.user.replace(/(?=@|$)/, '+Archive');
      const [reply] = await deliver(cyrus.lmtpPort, 'bob@example.net', [recipient], message('folder'));
      expect(reply?.code).toBe(250);
      const [push] = await pushes(1);
      expect(push?.m).toEqual([createHash('md5').update(variant.archive).digest('hex')]);
    });
  });

  test('the deliverer holds no descriptor of notifyd', async () => {
    const cyrus = await host.start(['alice']);
    const imap = await loginImap(cyrus, 'alice');
    try {
      forget(apns);
      apns.setAnswers(TOKEN, ['silent', '200']);
      const mailboxes = ['INBOX'];
      const subtopic = 'com.apple.mobilemail';
      await imap.registerDevice({
        accountId: ACCOUNT_ID,
        deviceToken: TOKEN,
        subtopic,
        mailboxes,
        version: 2,
      });
      await deliver(cyrus.lmtpPort, 'bob@example.net', ['alice'], message('descriptors'));
      await eventually(
        () => apns.received,
        (received) => received.length > 0,
      );
      const [pid] = sandbox.deliverers();
      const notifyd = cyrus.notifydPid();
      const open = descriptorsOf(pid);
      expect([open[0], open[1], open[2]]).toEqual(['/dev/null', '/dev/null', '/dev/null']);
      const inherited = Object.values(descriptorsOf(notifyd)).filter((path) => path !== '/dev/null');
      expect(inherited.some((path) => path.startsWith('socket:'))).toBe(true);
      expect(Object.values(open).filter((path) => inherited.includes(path))).toEqual([]);
    } finally {
      await imap.close();
      await cyrus.stop();
    }
  });
});

/** What the descriptors of a process stand for, by their numbers. */
function descriptorsOf(pid: number | undefined): Record<number, string> {
  const folder = `/proc/${pid}/fd`;
  return Object.fromEntries(readdirSync(folder).map((fd) => [Number(fd), readlinkSync(join(folder, fd))]));
}
