import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { mailboxHash } from '../../src/mailboxes/mailbox-hash.ts';
import type { TestApns } from '../support/apns.ts';
import { eventually } from '../support/command.ts';
import { message } from '../support/cyrus-host.ts';
import { commandFragment, spoolFragment } from '../support/dovecot-config.ts';
import { createDovecotHost, type DovecotHost } from '../support/dovecot-host.ts';
import { describeWithDovecot, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { ACCOUNT_ID, DEVICE_TOKEN } from '../support/events.ts';
import { type ImapClient, loginImap } from '../support/imap.ts';
import { deliver } from '../support/lmtp.ts';
import { forget } from '../support/pushes.ts';

/** What the XAPS plugin sends to /register for Alice's phone. */
const REGISTRATION = JSON.stringify({
  ApsAccountId: ACCOUNT_ID,
  ApsDeviceToken: DEVICE_TOKEN,
  ApsSubtopic: 'com.apple.mobilemail',
  Username: 'alice',
  Mailboxes: ['INBOX', 'Lists', 'Entw&APw-rfe'],
});

/** One event that Dovecot's Lua driver tells, as push.lua writes it. */
interface Told {
  name: string;
  mailbox: string;
  flags?: string[];
}

/** What somebody does, in this order, on an INBOX that was empty before; what is told of it; how many pushes. */
interface Step {
  what: string;
  /** Default: alice. */
  user?: string;
  act: (alice: { dovecot: Dovecot; imap: ImapClient }) => Promise<void>;
  /** One list for each transaction. */
  told: Told[][];
  pushes: number;
}

const inbox = (name: string): Told => ({ name, mailbox: 'INBOX' });

function lmtp(recipient: string): Step['act'] {
  return async ({ dovecot }) => {
    const [reply] = await deliver(dovecot.lmtpPort, 'bob@example.net', [recipient], message('a secret'));
    expect(reply?.code).toBe(250);
  };
}

function imap(command: string, literal?: string): Step['act'] {
  return async (alice) => {
    await alice.imap.command('NOOP'); // it learns of new messages by that
    expect(await alice.imap.command(command, literal)).toMatchObject({ status: 'OK' });
  };
}

const STEPS: Step[] = [
  { what: 'a delivery to INBOX', act: lmtp('alice'), told: [[inbox('MessageNew')]], pushes: 1 },
  { what: 'another one', act: lmtp('alice'), told: [[inbox('MessageNew')]], pushes: 1 },
  {
    what: 'a delivery to a folder that somebody asked for, and was not told by its name',
    act: lmtp('alice+Lists'),
    told: [[{ name: 'MessageNew', mailbox: 'Lists' }]],
    pushes: 0,
  },
  {
    what: 'a delivery to a folder that nobody asked for',
    act: lmtp('alice+Junk'),
    told: [[{ name: 'MessageNew', mailbox: 'Junk' }]],
    pushes: 0,
  },
  {
    what: 'a delivery to somebody without a phone',
    user: 'carol',
    act: lmtp('carol'),
    told: [[inbox('MessageNew')]],
    pushes: 0,
  },
  { what: 'reading', act: imap('STORE 1 +FLAGS (\\Seen)'), told: [[inbox('MessageRead')]], pushes: 1 },
  {
    what: 'marking as unread',
    act: imap('STORE 1 -FLAGS (\\Seen)'),
    told: [[{ ...inbox('FlagsClear'), flags: ['\\Seen'] }]],
    pushes: 1,
  },
  {
    what: 'reading several at once, told once',
    act: imap('STORE 1:2 +FLAGS (\\Seen)'),
    told: [[inbox('MessageRead')]],
    pushes: 1,
  },
  {
    what: 'flagging, which nobody is told of by default',
    act: imap('STORE 1 +FLAGS (\\Flagged)'),
    told: [[{ ...inbox('FlagsSet'), flags: ['\\Flagged'] }]],
    pushes: 0,
  },
  { what: 'taking the flag away', act: imap('STORE 1 -FLAGS (\\Flagged)'), told: [], pushes: 0 },
  { what: 'making a folder', act: imap('CREATE Trash'), told: [], pushes: 0 },
  {
    what: 'copying to a folder',
    act: imap('COPY 1 Trash'),
    told: [[{ name: 'MessageAppend', mailbox: 'Trash', flags: ['\\Seen'] }]],
    pushes: 0,
  },
  {
    what: 'moving to a folder',
    act: imap('MOVE 1 Trash'),
    told: [[inbox('MessageExpunge')], [{ name: 'MessageAppend', mailbox: 'Trash', flags: ['\\Seen'] }]],
    pushes: 1,
  },
  {
    what: 'marking as deleted',
    act: imap('STORE 1 +FLAGS (\\Deleted)'),
    told: [[inbox('MessageTrash')]],
    pushes: 1,
  },
  { what: 'expunging', act: imap('EXPUNGE'), told: [[inbox('MessageExpunge')]], pushes: 1 },
  {
    what: 'appending to INBOX',
    act: imap('APPEND INBOX', message('draft')),
    told: [[inbox('MessageAppend')]],
    pushes: 1,
  },
  {
    what: 'appending to INBOX what is read already',
    act: imap('APPEND INBOX (\\Seen)', message('old')),
    told: [[{ ...inbox('MessageAppend'), flags: ['\\Seen'] }]],
    pushes: 1,
  },
  {
    what: 'moving back out of Junk, unread',
    act: async ({ imap: session }) => {
      await session.command('SELECT Junk');
      expect(await session.command('MOVE 1 INBOX')).toMatchObject({ status: 'OK' });
      await session.command('SELECT INBOX');
    },
    told: [[{ name: 'MessageExpunge', mailbox: 'Junk' }], [inbox('MessageAppend')]],
    pushes: 1,
  },
  {
    what: 'copying from another folder into INBOX',
    act: async ({ imap: session }) => {
      await session.command('SELECT Trash');
      expect(await session.command('COPY 1 INBOX')).toMatchObject({ status: 'OK' });
      await session.command('SELECT INBOX');
    },
    told: [[{ ...inbox('MessageAppend'), flags: ['\\Seen'] }]],
    pushes: 1,
  },
  {
    what: 'appending nothing after something, which is rolled back',
    act: async (alice) => {
      const reply = await alice.imap.command('APPEND INBOX {7+}\r\nA: b\r\n\r {0+}\r\n');
      expect(reply.status).not.toBe('OK');
    },
    told: [],
    pushes: 0,
  },
];

const DELIVERY = 'delivery: { linger: 1s, throttle: 0s, housekeeping_delay: 0s }\n';

describeWithDovecot('a real Dovecot', () => {
  let host: DovecotHost;
  let apns: TestApns;
  let dovecot: Dovecot;
  let alice: ImapClient;

  const start = async (configuration: (script: (name: string) => string) => string): Promise<void> => {
    dovecot = await startDovecot({ configuration, directories: [host.sandbox.dir] });
    alice = await loginImap(dovecot, 'alice');
    await alice.command('SELECT INBOX');
  };
  const stop = async (): Promise<void> => {
    await alice.close();
    await dovecot.stop();
  };

  beforeAll(async () => {
    host = await createDovecotHost(DELIVERY);
    ({ apns } = host);
    expect(await host.sandbox.run([], { input: REGISTRATION })).toMatchObject({ exitCode: 0, stderr: '' });
  });
  afterAll(() => host.close());
  beforeEach(() => {
    forget(apns);
  });

  const expectPushes = (count: number): void => {
    expect(apns.received).toHaveLength(count);
    for (const push of apns.received) {
      expect(push).toMatchObject({ deviceToken: DEVICE_TOKEN, topic: apns.topic });
      // Dovecot's plugin tells the phone no names of mailboxes, so no push may name one.
      expect(push.payload).toEqual({ aps: { 'account-id': ACCOUNT_ID } });
    }
  };

  describe('with push.lua, and a timer that runs flush', () => {
    beforeAll(() => start((script) => spoolFragment(script('push.lua'), host.sandbox.spool)));
    afterAll(stop);
    afterEach(() => {
      for (const path of spoolFiles()) rmSync(path);
    });

    const spoolFiles = (): string[] =>
      readdirSync(join(host.sandbox.spool, 'new')).map((name) => join(host.sandbox.spool, 'new', name));
    const transactions = (): string[] => spoolFiles().map((file) => readFileSync(file, 'utf8'));
    const written = (user: string, events: Told[]): string =>
      `${JSON.stringify({ dovecot: 1, user, events })}\n`;
    const flush = async (): Promise<{ spool: unknown }> => {
      const { exitCode, stdout, stderr } = await host.sandbox.run(['flush', '--all', '--json']);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      return JSON.parse(stdout) as { spool: unknown };
    };

    test.each(STEPS)('$what', async ({ user = 'alice', act, told, pushes }) => {
      await act({ dovecot, imap: alice });
      expect(transactions().sort()).toEqual(told.map((events) => written(user, events)).sort());
      expect(await flush()).toMatchObject({ spool: { taken: told.length, bad: 0 } });
      expectPushes(pushes);
      expect(spoolFiles()).toEqual([]);
    });

    test.each([
      ['an umlaut', 'Entw&APw-rfe', 'Entwürfe'],
      ['characters that JSON escapes', 'a \\"b\\\\c', 'a "b\\c'],
      ['another script, and a character of four bytes', '&ZeVnLIqe-/&2D3eAA-', '日本語/😀'],
    ])('a folder with %s is named in UTF-8', async (_what, name, mailbox) => {
      expect(await alice.command(`CREATE "${name}"`)).toMatchObject({ status: 'OK' });
      expect(await alice.command(`APPEND "${name}"`, message('x'))).toMatchObject({ status: 'OK' });
      const parsed = transactions().map((text) => JSON.parse(text) as unknown);
      expect(parsed).toEqual([{ dovecot: 1, user: 'alice', events: [{ name: 'MessageAppend', mailbox }] }]);
    });

    test('a folder with an umlaut is the one that the phone asked for in modified UTF-7', async () => {
      await alice.command('APPEND "Entw&APw-rfe"', message('x'));
      expect(transactions()).toHaveLength(1);
      const appends = await createDovecotHost(
        `${DELIVERY}events: { MessageAppend: subscribed }\nserve: { plugin_names_mailboxes: true }\n`,
      );
      try {
        await appends.sandbox.run([], { input: REGISTRATION });
        await appends.sandbox.run(['--wait'], { input: transactions()[0] ?? '' });
        expect(appends.apns.received.map(({ m }) => m)).toEqual([[mailboxHash('Entwürfe')]]);
      } finally {
        await appends.close();
      }
    });

    test('nothing of a message is written, and nobody but the mail user can read it', async () => {
      await lmtp('alice')({ dovecot, imap: alice });
      const text = transactions().join('');
      expect(text).toContain('MessageNew');
      expect(text).not.toMatch(/secret|example|bob/);
      expect(dovecot.log()).not.toMatch(/Warning|Error|Panic|Fatal/);
    });
  });

  describe('with push-exec.lua', () => {
    beforeAll(() => start((script) => commandFragment(script('push-exec.lua'), host.command)));
    afterAll(stop);

    /** Returns when the deliverer, if one was started, has nothing left to do. */
    const settled = (): Promise<number[]> =>
      eventually(
        () => host.sandbox.deliverers(),
        (pids) => pids.length === 0,
      );

    test.each(STEPS)('$what', async ({ act, pushes }) => {
      await act({ dovecot, imap: alice });
      await settled();
      expectPushes(pushes);
      expect(readdirSync(join(host.sandbox.spool, 'new'))).toEqual([]);
    });

    test('Dovecot has nothing to complain about', () => {
      expect(dovecot.log()).not.toMatch(/Warning|Error|Panic|Fatal/);
    });
  });
});
