import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Capture, createCapture, type HandlerCall } from '../support/cyrus-capture.ts';
import { type Cyrus, describeWithCyrus, startCyrus } from '../support/cyrus.ts';
import { type ImapClient, loginImap } from '../support/imap.ts';
import { deliver } from '../support/lmtp.ts';

const TOPIC = 'com.apple.mail.XServer.11111111-2222-3333-4444-555555555555';
const DEVICE = {
  accountId: '0715A26B-CA09-4730-A419-793000CA982E',
  deviceToken: '80aa34cb0fc0a6cb4f0a5c8b8f9b4f3a80aa34cb0fc0a6cb4f0a5c8b8f9b4f3a',
  subtopic: 'com.apple.mobilemail',
  version: 2,
};
const MESSAGE = `From: bob@example.net
To: alice@example.org
Subject: hello
Message-ID: <1@example.net>

.leading dot
`;

interface Variant {
  title: string;
  namespace: Record<string, string>;
  user: string;
  archive: string;
  inboxUri: string;
  archiveUri: string;
}

const SERVER = 'imap://mail.example.org';
const VARIANTS: Variant[] = [
  {
    title: 'the namespace of Cyrus 3.6 (altnamespace and unixhierarchysep on)',
    namespace: {},
    user: 'alice',
    archive: 'Archive',
    inboxUri: `${SERVER}/user/alice`,
    archiveUri: `${SERVER}/user/alice/Archive`,
  },
  {
    title: 'the namespace of Debian (altnamespace and unixhierarchysep off)',
    namespace: { altnamespace: 'no', unixhierarchysep: 'no' },
    user: 'dot.user',
    archive: 'INBOX.Archive',
    inboxUri: `${SERVER}/user.dot%5Euser`,
    archiveUri: `${SERVER}/user.dot%5Euser.Archive`,
  },
  {
    title: 'virtual domains',
    namespace: { virtdomains: 'userid', defaultdomain: 'example.com' },
    user: 'john@example.org',
    archive: 'Archive',
    inboxUri: `${SERVER}/user/john%40example.org`,
    archiveUri: `${SERVER}/user/john/Archive%40example.org`,
  },
];

describeWithCyrus('a Cyrus for tests', () => {
  describe.each(VARIANTS)('with $title', (variant) => {
    const { user, archive, inboxUri, archiveUri } = variant;
    let capture: Capture;
    let cyrus: Cyrus;
    let imap: ImapClient;

    beforeAll(async () => {
      capture = await createCapture();
      const { namespace } = variant;
      cyrus = await startCyrus({
        notifyExternal: capture.handler,
        namespace,
        apsTopic: TOPIC,
        users: [user],
      });
      imap = await loginImap(cyrus, user);
    });

    afterAll(async () => {
      await imap.close();
      await cyrus.stop();
      await capture.remove();
    });

    it('hands a registration to the handler', async () => {
      expect(await imap.command(`CREATE "${archive}"`)).toMatchObject({ status: 'OK' });
      const mailboxes = ['INBOX', archive];
      const reply = await imap.registerDevice({ ...DEVICE, mailboxes });
      expect(reply).toMatchObject({ status: 'OK', mailboxes, topic: TOPIC });
      const [call, ...others] = await capture.through('ApplePushService');
      expect(others).toEqual([]);
      expect(call?.argv).toEqual(['-c', 'EVENT', '-p', '', '-u', '', '-m', '', '-f']);
      expect(call?.event).toEqual({
        event: 'ApplePushService',
        pid: expect.any(Number) as number,
        user,
        apsVersion: 2,
        apsAccountId: DEVICE.accountId,
        apsDeviceToken: DEVICE.deviceToken,
        apsSubtopic: DEVICE.subtopic,
        mailboxes,
      });
    });

    it('hands the life of a message to the handler', async () => {
      const replies = await deliver(cyrus.lmtpPort, 'bob@example.net', [user, `nobody-${user}`], MESSAGE);
      expect(replies.map(({ code }) => code)).toEqual([250, 550]);
      expect(brief(await capture.through('MessageNew'))).toEqual([
        expect.stringMatching(`^MessageNew ${literally(inboxUri)};UIDVALIDITY=\\d+/;UID=1$`),
      ]);

      await imap.command('SELECT INBOX');
      await imap.command('STORE 1 +FLAGS (\\Seen)');
      expect(brief(await capture.through('MessageRead'))).toEqual([inMailbox('MessageRead', inboxUri)]);
      await imap.command('STORE 1 -FLAGS (\\Seen)');
      const [cleared] = await capture.through('FlagsClear');
      expect(cleared?.event).toMatchObject({ flagNames: '\\Seen', 'vnd.cmu.unseenMessages': 1 });

      await imap.command(`MOVE 1 "${archive}"`);
      expect(brief(await capture.through('MessageExpunge'))).toEqual([
        inMailbox('vnd.cmu.MessageMove', archiveUri),
        inMailbox('MessageExpunge', inboxUri),
      ]);

      await imap.command(`SELECT "${archive}"`);
      await imap.command('STORE 1 +FLAGS (\\Deleted)');
      expect(brief(await capture.through('MessageTrash'))).toEqual([inMailbox('MessageTrash', archiveUri)]);
    });

    it('speaks literals in both directions', async () => {
      expect(await imap.command('APPEND INBOX (\\Seen)', MESSAGE.replaceAll('\n', '\r\n'))).toMatchObject({
        status: 'OK',
      });
      await capture.through('MessageAppend');
      await imap.command('SELECT INBOX');
      const { lines } = await imap.command('FETCH * BODY.PEEK[TEXT]');
      expect(lines).toEqual([
        expect.stringMatching(/^\* 1 FETCH \(BODY\[TEXT\] \{14\}\r\n\.leading dot\r\n\)$/),
      ]);
    });
  });

  it('gives the handler an empty environment, umask 077 and the notify socket as standard output', async () => {
    const { environment, standardOutput, umask } = await firstCall({});
    expect(environment.toSorted()).toEqual(['CYRUS_ID=0', 'CYRUS_SERVICE=notify']);
    expect(standardOutput).toMatch(/^socket:/);
    expect(umask).toBe('0077');
  });

  it('gives the handler the environment that the test asks for', async () => {
    const { environment } = await firstCall({ LC_ALL: 'C', NAME: 'value with spaces' });
    expect(environment.toSorted()).toEqual([
      'CYRUS_ID=0',
      'CYRUS_SERVICE=notify',
      'LC_ALL=C',
      'NAME=value with spaces',
    ]);
  });
});

function brief(calls: HandlerCall[]): string[] {
  return calls.map(({ event }) => `${String(event['event'])} ${String(event['uri'])}`);
}

function inMailbox(event: string, uri: string): unknown {
  return expect.stringMatching(`^${literally(event)} ${literally(uri)};UIDVALIDITY=\\d+$`);
}

function literally(text: string): string {
  return text.replace(/[.^$*+?()[\]{}|\\]/g, '\\$&');
}

async function firstCall(environment: Record<string, string>): Promise<HandlerCall> {
  const capture = await createCapture();
  const cyrus = await startCyrus({
    notifyExternal: capture.handler,
    apsTopic: TOPIC,
    users: ['alice'],
    environment,
  });
  try {
    await deliver(cyrus.lmtpPort, 'bob@example.net', ['alice'], MESSAGE);
    const [call] = await capture.through('MessageNew');
    return call!;
  } finally {
    await cyrus.stop();
    await capture.remove();
  }
}
