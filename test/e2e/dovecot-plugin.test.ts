import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { mailboxHash } from '../../src/mailboxes/mailbox-hash.ts';
import { encodeModifiedUtf7 } from '../../src/mailboxes/modified-utf7.ts';
import { message } from '../support/cyrus-host.ts';
import { spoolFragment } from '../support/dovecot-config.ts';
import { createDovecotHost, type DovecotHost } from '../support/dovecot-host.ts';
import {
  buildPlugin,
  describeWithPlugin,
  pluginFolder,
  pluginFragment,
  rightsFragment,
  sharedFragment,
  sieveFragment,
  testWithSieve,
} from '../support/dovecot-plugin.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { ACCOUNT_ID, DEVICE_TOKEN, tokenNumber } from '../support/events.ts';
import { connectImap, type ImapClient, loginImap, quoted, type RegistrationReply } from '../support/imap.ts';
import { deliver } from '../support/lmtp.ts';
import { forget } from '../support/pushes.ts';
import { startServe } from '../support/serve.ts';

const CONFIGURATION = `delivery: { linger: 1s, throttle: 0s, housekeeping_delay: 0s }
targets: { shared_mailboxes: true }
dovecot: { namespaces: [{ prefix: shared.%n., owner: '%u', own_prefix: INBOX. }] }
`;

const PHONE = {
  accountId: ACCOUNT_ID,
  deviceToken: DEVICE_TOKEN,
  subtopic: 'com.apple.mobilemail',
  version: 2,
};

describeWithPlugin('a phone that registers with a real Dovecot by our plugin', () => {
  let host: DovecotHost;
  let folder: string;
  let dovecot: Dovecot;
  let alice: ImapClient;

  beforeAll(async () => {
    host = await createDovecotHost(CONFIGURATION);
    folder = pluginFolder(join(host.sandbox.dir, 'modules'), buildPlugin());
  });
  afterAll(() => host.close());
  beforeEach(() => {
    forget(host.apns);
  });

  const start = async (more: string): Promise<void> => {
    const { sandbox, apns } = host;
    dovecot = await startDovecot({
      configuration: (script) =>
        `${spoolFragment(script('push.lua'), sandbox.spool)}${more}${pluginFragment(folder, apns.topic, sandbox.spool, 'all')}`,
    });
    alice = await loginImap(dovecot, 'alice');
  };
  const stop = async (): Promise<void> => {
    await alice.close();
    await dovecot.stop();
  };
  const create = async (...names: string[]): Promise<void> => {
    for (const name of names) expect(await alice.command(`CREATE "${name}"`)).toMatchObject({ status: 'OK' });
  };
  const register = async (...mailboxes: string[]): Promise<RegistrationReply> => {
    const reply = await alice.registerDevice({ ...PHONE, mailboxes });
    expect(reply).toMatchObject({ status: 'OK', topic: host.apns.topic });
    return reply;
  };
  const deliverTo = async (recipient: string, header = ''): Promise<void> => {
    const text = `${header}${message('hello')}`;
    const [reply] = await deliver(dovecot.lmtpPort, 'bob@example.net', [recipient], text);
    expect(reply?.code).toBe(250);
  };
  const file = (mailbox: string, user = 'alice'): Promise<void> =>
    deliverTo(user, `X-Folder: =?utf-8?b?${Buffer.from(mailbox).toString('base64')}?=\r\n`);
  const flush = async (): Promise<void> => {
    const { exitCode, stderr } = await host.sandbox.run(['flush', '--all', '--json']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  };
  /** What all pushes tell of, in whichever number. */
  const told = (): Set<string> => {
    expect(host.apns.received.length).toBeGreaterThan(0);
    const hashes = host.apns.received.flatMap(({ payload, deviceToken, topic }) => {
      expect({ deviceToken, topic }).toEqual({ deviceToken: DEVICE_TOKEN, topic: host.apns.topic });
      const { m = [], ...rest } = (payload as { aps: { m?: string[] } }).aps;
      expect(rest).toEqual({ 'account-id': ACCOUNT_ID });
      return m;
    });
    forget(host.apns);
    return new Set(hashes);
  };
  const expectPushed = async (...names: string[]): Promise<void> => {
    await flush();
    expect(told()).toEqual(new Set(names.map(mailboxHash)));
  };
  const expectNothing = async (): Promise<void> => {
    await flush();
    expect(host.apns.received).toEqual([]);
  };

  describe('with names of all kinds', () => {
    beforeAll(async () => {
      await start(`${rightsFragment()}${sieveFragment(join(host.sandbox.dir, 'filter.sieve'))}`);
    });
    afterAll(stop);

    test('is offered it after the log-in, and not to anonymous or master users', async () => {
      const before = await connectImap(dovecot);
      expect(before.greeting).not.toContain('XAPPLEPUSHSERVICE');
      expect(await before.login('alice', 'secret')).toMatchObject({
        text: expect.stringContaining(' XAPPLEPUSHSERVICE') as string,
      });
      const boss = await loginImap(dovecot, 'alice*boss', 'master');
      const nobody = await connectImap(dovecot);
      await nobody.command('AUTHENTICATE ANONYMOUS Zm9v');
      for (const client of [boss, nobody]) {
        const [capability] = (await client.command('CAPABILITY')).lines;
        expect(capability).toMatch(/ IDLE /);
        expect(capability).not.toContain('XAPPLEPUSHSERVICE');
        const reply = await client.registerDevice({ ...PHONE, mailboxes: ['INBOX'] });
        expect(reply).toMatchObject({
          status: 'NO',
          lines: [],
          text: expect.stringMatching(/^\[UNAVAILABLE\]/) as string,
        });
      }
      expect(readdirSync(join(host.sandbox.spool, 'new'))).toEqual([]);
      for (const client of [before, boss, nobody]) await client.close();
    });

    test('is told those that there are, as it wrote them, and hears of mail in them', async () => {
      await create('Lists', 'Lists/Work', 'Lists/Work/2026');
      const asked = ['inbox', 'Lists', 'Lists/Work/2026', 'NoSuch', 'lists'];
      expect((await register(...asked)).mailboxes).toEqual(['inbox', 'Lists', 'Lists/Work/2026']);
      await deliverTo('alice+Lists');
      await expectPushed('Lists');
      await deliverTo('alice+Lists/Work/2026');
      await expectPushed('Lists/Work/2026');
      await deliverTo('alice');
      await expectPushed();
      await deliverTo('alice+Lists/Work');
      await expectNothing();
    });

    const literal = (plus: string) => (text: string) => `{${Buffer.byteLength(text)}${plus}}\r\n${text}`;
    test.each<[what: string, word: (text: string) => string]>([
      ['quoted words', quoted],
      ['literals that are waited for', literal('')],
      ['literals that are not', literal('+')],
    ])('by %s, amid other commands that it does not wait for', async (_what, word) => {
      await create('Later', '&AOQ-rger');
      const names = ['INBOX', 'Later', '&AOQ-rger', 'NoSuch'];
      const pairs = [
        ...['aps-version', '2', 'aps-account-id', ACCOUNT_ID, 'aps-device-token', DEVICE_TOKEN],
        ...['aps-subtopic', 'com.apple.mobilemail', 'mailboxes'],
      ];
      const command = `XAPPLEPUSHSERVICE ${pairs.map(word).join(' ')} (${names.map(word).join(' ')})`;
      const replies = await alice.pipeline([
        'STATUS INBOX (UIDNEXT)',
        command,
        'EXAMINE INBOX',
        command,
        'NOOP',
      ]);
      expect(replies.map(({ status, text }) => `${status} ${text}`)).toEqual([
        expect.stringMatching(/^OK Status completed/),
        expect.stringMatching(/^OK XAPPLEPUSHSERVICE completed/),
        expect.stringMatching(/^OK .*Examine completed/),
        expect.stringMatching(/^OK XAPPLEPUSHSERVICE completed/),
        expect.stringMatching(/^OK NOOP completed/),
      ]);
      const told = replies.flatMap(({ lines }) => lines.filter((line) => line.includes('XAPPLE')));
      const answer = [
        '* XAPPLEPUSHSERVICE "mailbox" "INBOX"',
        '* XAPPLEPUSHSERVICE "mailbox" "Later"',
        '* XAPPLEPUSHSERVICE "mailbox" "&AOQ-rger"',
        `* XAPPLEPUSHSERVICE "aps-version" "2" "aps-topic" "${host.apns.topic}"`,
      ];
      expect(told).toEqual([...answer, ...answer]);
      await deliverTo('alice+Later');
      await expectPushed('Later');
      for (const command of ['CLOSE', 'DELETE Later', 'DELETE &AOQ-rger'])
        expect(await alice.command(command)).toMatchObject({ status: 'OK' });
    });

    test('two of them in one push are told both', async () => {
      await register('INBOX', 'Lists', 'Lists/Work');
      await deliverTo('alice+Lists');
      await deliverTo('alice+Lists/Work');
      await expectPushed('Lists', 'Lists/Work');
    });

    test('hears nothing of a mailbox that it may look at and not read', async () => {
      await create('NoRead');
      writeFileSync(join(dovecot.dir, 'mail/alice/Maildir/.NoRead/dovecot-acl'), 'owner l\n');
      const other = await loginImap(dovecot, 'alice'); // the rights of the first session are kept for a while
      expect(await other.command('EXAMINE NoRead')).toMatchObject({ status: 'NO' });
      const { mailboxes } = await other.registerDevice({ ...PHONE, mailboxes: ['INBOX', 'NoRead', 'Lists'] });
      expect(mailboxes).toEqual(['INBOX', 'Lists']);
      await other.close();
    });

    test('that are renamed are heard of under the new name once it has registered that', async () => {
      await create('Old');
      await register('INBOX', 'Old');
      await alice.command('RENAME Old New');
      await deliverTo('alice+New');
      await expectNothing();
      expect((await register('INBOX', 'Old', 'New')).mailboxes).toEqual(['INBOX', 'New']);
      await deliverTo('alice+New');
      await expectPushed('New');
    });

    test('that are deleted are heard of no more, and those below a renamed one neither', async () => {
      await create('Gone', 'Parent', 'Parent/Child');
      const asked = ['INBOX', 'Gone', 'Parent', 'Parent/Child'];
      expect((await register(...asked)).mailboxes).toEqual(asked);
      await deliverTo('alice+Gone');
      await expectPushed('Gone');
      await alice.command('DELETE Gone'); // with what was in it
      await alice.command('RENAME Parent Elder');
      await deliverTo('alice+Elder/Child');
      await expectNothing();
      expect((await register(...asked)).mailboxes).toEqual(['INBOX']);
      await deliverTo('alice+Gone'); // which makes it again
      await expectNothing();
      expect((await register(...asked, 'Elder/Child')).mailboxes).toEqual(['INBOX', 'Gone', 'Elder/Child']);
      await deliverTo('alice+Elder/Child');
      await expectPushed('Elder/Child');
    });

    test('what is expunged in a folder is told to nobody, in INBOX it is', async () => {
      await create('Tidy');
      await register('INBOX', 'Tidy');
      await deliverTo('alice+Tidy');
      await expectPushed('Tidy');
      await alice.command('SELECT Tidy');
      await alice.command('STORE 1 +FLAGS (\\Deleted)');
      await alice.command('EXPUNGE');
      await expectNothing();
      await alice.command('SELECT INBOX');
      await alice.command('STORE 1 +FLAGS (\\Deleted)');
      await alice.command('EXPUNGE');
      await expectPushed();
      await alice.command('CLOSE');
    });

    testWithSieve('umlauts, other scripts and what JSON escapes, filed by Sieve', async () => {
      const names = ['Entwürfe', 'Entwürfe/日本語 😀', 'A&B', 'a "b\\c', 'Büro & Co'];
      const written = (name: string): string => encodeModifiedUtf7(name).replaceAll(/["\\]/g, '\\$&');
      await create(...names.map(written));
      expect((await register('INBOX', ...names.map(encodeModifiedUtf7))).mailboxes).toEqual([
        'INBOX',
        ...names.map(encodeModifiedUtf7),
      ]);
      for (const name of names) await file(name);
      await expectPushed(...names);
    });

    testWithSieve('an umlaut in two characters, which is told as the phone wrote it', async () => {
      const name = 'Anha\u0308nge';
      await create(encodeModifiedUtf7(name));
      const { mailboxes } = await register(
        'INBOX',
        encodeModifiedUtf7(name),
        encodeModifiedUtf7(name.normalize('NFC')),
      );
      expect(mailboxes).toContain(encodeModifiedUtf7(name));
      await file(name);
      await expectPushed(name);
    });

    test('while serve is away, and hears of mail when it is back', async () => {
      await create('Late');
      await register('INBOX', 'Late');
      const served = await startServe(host.sandbox);
      await deliverTo('alice+Late');
      await host.apns.pushes(1);
      expect(told()).toEqual(new Set([mailboxHash('Late')]));
      expect(await served.end('SIGTERM')).toBe(0);
    });

    test('Dovecot has nothing to complain about', () => {
      expect(dovecot.log()).not.toMatch(/Warning|Error|Panic|Fatal/);
    });
  });

  describe('where all is below INBOX', () => {
    const INBOX = 'namespace inbox {\n  prefix = INBOX.\n  separator = .\n}\n';
    beforeAll(() => {
      const sieve = sieveFragment(join(host.sandbox.dir, 'filter.sieve'));
      return start(`${INBOX}${sharedFragment('shared.%n.')}${sieve}`);
    });
    afterAll(stop);

    test('the prefix in any case means the same', async () => {
      await create('INBOX.Lists', 'INBOX.Lists.Work');
      const { mailboxes } = await register('INBOX', 'Inbox.Lists', 'INBOX.Lists.Work', 'Lists');
      expect(mailboxes).toEqual(['INBOX', 'Inbox.Lists', 'INBOX.Lists.Work']);
      await deliverTo('alice+Lists'); // LMTP adds the prefix
      await expectPushed('Inbox.Lists');
      await deliverTo('alice+Lists.Work');
      await expectPushed('INBOX.Lists.Work');
    });

    testWithSieve('so are those that others see by a name without it', async () => {
      await create('INBOX.Team');
      writeFileSync(join(dovecot.dir, 'mail/alice/Maildir/.Team/dovecot-acl'), 'user=bob lrwstip\n');
      await register('INBOX', 'INBOX.Team');
      const bob = await loginImap(dovecot, 'bob');
      const phone = { ...PHONE, deviceToken: tokenNumber(2), mailboxes: ['INBOX', 'shared.alice.Team'] };
      expect(await bob.registerDevice(phone)).toMatchObject({ mailboxes: phone.mailboxes });
      await bob.close();
      for (const deliver of [() => deliverTo('alice+Team'), () => file('shared.alice.Team', 'bob')]) {
        await deliver();
        await flush();
        expect(new Map(host.apns.received.map(({ deviceToken, m }) => [deviceToken, m]))).toEqual(
          new Map([
            [DEVICE_TOKEN, [mailboxHash('INBOX.Team')]],
            [phone.deviceToken, [mailboxHash('shared.alice.Team')]],
          ]),
        );
        forget(host.apns);
      }
    });
  });
});
