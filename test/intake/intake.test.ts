import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Store } from '../../src/store/store.ts';
import { type ReadItem, readEvents } from '../../src/events/read.ts';
import { createIntake, type Intake, type Taken } from '../../src/intake/intake.ts';
import { createTestClock } from '../support/clock.ts';
import { ACCOUNT_ID, captured, DEVICE_TOKEN, messageNew, registration } from '../support/events.ts';
import { recordedLog } from '../support/recorded-log.ts';
import {
  holdWriteLock,
  NOW_MS,
  outboxRow,
  registered,
  rowsOf,
  temporaryFolder,
  testStore,
  waitingMailboxes,
} from '../support/store.ts';

/** What became of all events on the input. */
type Told = Pick<Taken, 'targetIds' | 'bad' | 'silent'>;

interface Setting {
  config: Config;
  store: Store;
  /** How often the database was asked for. */
  opened: () => number;
  log: ReturnType<typeof recordedLog>;
  take: (input: string | Buffer) => Promise<Told>;
  intake: Intake;
}

/** An intake with the default configuration but for these lines, beside an imapd.conf with those. */
function setting(yaml = '', imapdConf = ''): Setting {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'imapd.conf'), imapdConf);
  writeFileSync(join(folder, 'config.yaml'), `imapd_conf: ${folder}/imapd.conf\n${yaml}`);
  const config = loadConfig(join(folder, 'config.yaml'), {});
  const store = testStore(join(folder, 'x.db'), 50);
  const log = recordedLog();
  let opened = 0;
  const intake = createIntake({
    config,
    clock: createTestClock(NOW_MS),
    log,
    store: () => {
      opened += 1;
      return store;
    },
    newApnsId: () => 'new id',
  });
  return { config, store, log, opened: () => opened, take: (input) => takeAll(intake, input), intake };
}

async function takeAll(intake: Intake, input: string | Buffer): Promise<Told> {
  const all: Told = { targetIds: [], bad: undefined, silent: [] };
  for (const item of readEvents([Buffer.from(input)])) {
    const taken = await intake(item);
    all.targetIds.push(...taken.targetIds);
    all.bad ??= taken.bad;
    all.silent.push(...taken.silent);
  }
  return all;
}

describe('a registration', () => {
  test('becomes a target, and nothing is owed yet', async () => {
    const { store, log, take } = setting('', 'aps_topic: com.apple.mail.XServer.cyrus\n');
    expect(await take(captured('0025-ApplePushService-aps-v2.json'))).toEqual({
      targetIds: [],
      bad: undefined,
      silent: [],
    });
    expect(await store.listTargets({})).toMatchObject([
      {
        user: 'alice',
        deviceToken: DEVICE_TOKEN,
        accountId: ACCOUNT_ID,
        topic: 'com.apple.mail.XServer.cyrus',
        registeredMs: NOW_MS,
      },
    ]);
    expect(await rowsOf(store, 'SELECT * FROM outbox')).toEqual([]);
    expect(log.messages('info')).toEqual(['registered']);
    await take(captured('0040-ApplePushService-aps-upper-token.json'));
    expect(log.messages('info')).toEqual(['registered', 'renewed']);
    expect(await store.subscriptionsOf(1)).toMatchObject([{ path: 'INBOX' }]);
  });

  test('has the topic of imapd.conf before that of the configuration, which comes before none', async () => {
    const apns = 'apns: { topic: com.apple.mail.XServer.config, certificate: /no/such/file.pem }\n';
    const both = setting(apns, 'aps_topic: com.apple.mail.XServer.cyrus\n');
    await both.take(registration());
    expect(await both.store.listTargets({})).toMatchObject([{ topic: 'com.apple.mail.XServer.cyrus' }]);
    const config = setting(apns);
    await config.take(registration());
    expect(await config.store.listTargets({})).toMatchObject([{ topic: 'com.apple.mail.XServer.config' }]);
    const none = setting('apns: { certificate: /no/such/file.pem }\n');
    await none.take(registration());
    expect(await none.store.listTargets({})).toMatchObject([{ topic: '' }]);
    expect(none.log.messages('warn')).toEqual(['the topic of this registration is unknown']);
  });

  test('whose topic is not known leaves the one that was told before', async () => {
    const { store, take } = setting('apns: { certificate: /no/such/file.pem }\n');
    await registered(store, { accountId: ACCOUNT_ID, topic: 'com.apple.mail.XServer.before' });
    await take(registration());
    await take(registration({ user: 'bob' }));
    expect(await store.listTargets({})).toMatchObject([
      { user: 'alice', topic: 'com.apple.mail.XServer.before', renewedMs: NOW_MS },
      { user: 'bob', topic: 'com.apple.mail.XServer.before' },
    ]);
  });

  test('that was kept with the topic that its device was told has that one', async () => {
    const { store, take } = setting('apns: { topic: com.apple.mail.XServer.new }\n');
    const kept = {
      ...{ ApsAccountId: ACCOUNT_ID, ApsDeviceToken: DEVICE_TOKEN, ApsSubtopic: 'com.apple.mobilemail' },
      ...{ Username: 'alice', Mailboxes: ['INBOX'] },
    };
    await take(JSON.stringify({ ...kept, ApsTopic: 'com.apple.mail.XServer.told' }));
    expect(await store.listTargets({})).toMatchObject([{ topic: 'com.apple.mail.XServer.told' }]);
    await take(JSON.stringify(kept));
    expect(await store.listTargets({})).toMatchObject([{ topic: 'com.apple.mail.XServer.new' }]);
  });

  test('gives its topic where the database cannot take it, which nobody asks after it was locked', async () => {
    const { store, take, opened, intake } = setting('apns: { topic: com.apple.mail.XServer.test }\n');
    const [item] = readEvents([Buffer.from(registration())]);
    await expect(intake(item as ReadItem, { locked: true })).rejects.toMatchObject({
      ...{ name: 'NotRegistered', busy: true, topic: 'com.apple.mail.XServer.test' },
    });
    expect(opened()).toBe(0);
    holdWriteLock(store.file);
    await expect(take(registration())).rejects.toMatchObject({ name: 'NotRegistered', busy: true });
  });

  test.each([
    '0032-ApplePushService-aps-v2-empty-list.json',
    '0042-ApplePushService-aps-badtoken.json',
    '0043-ApplePushService-aps-acct-utf8.json',
    '0046-ApplePushService-aps-err-dup-key.json',
  ])('that is refused changes nothing: %s', async (file) => {
    const { store, take } = setting();
    await take(captured('0025-ApplePushService-aps-v2.json'));
    const tables = ['targets', 'subscriptions', 'outbox', 'sqlite_sequence'];
    const contents = (): Promise<unknown[]> =>
      Promise.all(tables.map((table) => rowsOf(store, `SELECT * FROM ${table}`)));
    const before = await contents();
    expect((await take(captured(file))).bad).toMatch(/^registration of alice /);
    expect(await contents()).toEqual(before);
  });

  test('opens no database where it is refused', async () => {
    const { opened, take } = setting();
    await take(captured('0042-ApplePushService-aps-badtoken.json'));
    expect(opened()).toBe(0);
  });

  test('tells the log who, and never by which token', async () => {
    const { log, take } = setting('targets: { shared_mailboxes: false }\n');
    await take(captured('0058-ApplePushService-aps-other-acl.json'));
    expect(log.entries.at(-1)).toMatchObject({
      message: 'registered',
      // Fields of these names are redacted by the log.
      fields: { user: 'bob', deviceToken: DEVICE_TOKEN, accountId: ACCOUNT_ID, droppedMailboxes: 4 },
    });
  });

  test('respects max_per_user', async () => {
    const { store, take } = setting('targets: { max_per_user: 1 }\n');
    await take(registration());
    await take(registration({ apsDeviceToken: 'ab'.repeat(32) }));
    expect(await store.listTargets({})).toMatchObject([{ deviceToken: 'ab'.repeat(32) }]);
  });
});

describe('an event', () => {
  test('becomes a push to those who subscribed', async () => {
    const { store, take } = setting();
    await take(registration());
    expect(await take(captured('0060-MessageNew-lmtp-inbox.json'))).toEqual({
      targetIds: [1],
      bad: undefined,
      silent: [],
    });
    expect(await outboxRow(store)).toMatchObject({ event: 'MessageNew', due_ms: NOW_MS, apns_id: 'new id' });
  });

  test('finds the mailbox of its owner, whoever acted', async () => {
    const { store, take } = setting();
    await take(registration());
    // Bob moves a message of alice's into his own mailbox.
    expect((await take(captured('0195-vnd.cmu.MessageMove-bob-alice-move-own.json'))).targetIds).toEqual([1]);
    expect(await waitingMailboxes(store)).toEqual(['alice:INBOX']);
  });

  test('makes users comparable as the registration did', async () => {
    const { take } = setting('users: { lowercase: true, domain: strip }\n', 'virtdomains: userid\n');
    await take(registration({ user: 'Alice@Example.com' }));
    expect((await take(messageNew('ALICE@example.COM'))).targetIds).toEqual([1]);
    expect((await take(messageNew('bob@example.com'))).targetIds).toEqual([]);
  });

  test('reads names as imapd.conf says', async () => {
    const { take } = setting('', 'altnamespace: no\nunixhierarchysep: no\n');
    await take(captured('1125-ApplePushService-C-aps.json'));
    expect((await take(captured('1129-MessageNew-C-lmtp-plus.json'))).targetIds).toEqual([1]);
  });

  test('that concerns nobody leaves no trace but a line for debugging', async () => {
    const { store, log, take } = setting();
    expect(await take(messageNew())).toEqual({
      targetIds: [],
      bad: undefined,
      silent: ['MessageNew in alice:INBOX: no device asked for this mailbox'],
    });
    expect(log.entries).toMatchObject([{ level: 'debug', message: 'nobody subscribed' }]);
    expect(await rowsOf(store, 'SELECT * FROM outbox')).toEqual([]);
  });

  test('that an XAPS plugin’s device cannot be told, for want of a name, says so', async () => {
    const { store, take } = setting();
    const phone = {
      ApsAccountId: ACCOUNT_ID,
      ApsDeviceToken: DEVICE_TOKEN,
      ApsSubtopic: 'com.apple.mobilemail',
    };
    await take(JSON.stringify({ ...phone, Username: 'alice', Mailboxes: ['INBOX', 'Lists'] }));
    const inLists = { dovecot: 1, user: 'alice', events: [{ name: 'MessageNew', mailbox: 'Lists' }] };
    const reason = '1 device heard no names of mailboxes when registering, and would look into INBOX alone';
    expect(await take(JSON.stringify(inLists))).toMatchObject({
      targetIds: [],
      silent: [`MessageNew in alice:Lists: ${reason}`],
    });
    expect(await rowsOf(store, 'SELECT * FROM outbox')).toEqual([]);
  });

  test('what another does in a mailbox of Dovecot is told to its owner, where it is known whose it is', async () => {
    const inAlices = { dovecot: 1, user: 'bob', events: [{ name: 'MessageNew', mailbox: 'shared/alice' }] };
    const known = setting("dovecot: { namespaces: [{ prefix: shared/%u/, owner: '%u' }] }\n");
    await registered(known.store);
    expect((await known.take(JSON.stringify(inAlices))).targetIds).toEqual([1]);
    const unknown = setting();
    await registered(unknown.store);
    expect((await unknown.take(JSON.stringify(inAlices))).targetIds).toEqual([]);
  });

  test.each([
    ['0009-MailboxModseq-admin-setacl-shared.json', /not an event that Mail is told of/],
    ['0126-FlagsSet-store-flagged.json', /switched off/],
    ['0128-FlagsClear-clear-flagged.json', /no message became unread/],
    ['0157-MessageExpunge-expunge.json', /Cyrus told it by another event/],
  ])('that is ignored opens no database: %s', async (file, reason) => {
    const { opened, log, take } = setting();
    expect(await take(captured(file))).toEqual({
      targetIds: [],
      bad: undefined,
      silent: [expect.stringMatching(reason) as string],
    });
    expect(opened()).toBe(0);
    expect(log.entries).toMatchObject([
      { level: 'debug', message: 'ignored', fields: { reason: expect.stringMatching(reason) as string } },
    ]);
  });
});

describe('bad input', () => {
  test('is told, and the events around it are taken', async () => {
    const { store, take } = setting();
    const taken = await take(`{"event":\n${registration()}{"event":"MessageNew"}\n7\n${messageNew()}`);
    expect(taken.targetIds).toEqual([1]);
    expect(taken.bad).toMatch(/^not JSON/);
    expect(await rowsOf(store, 'SELECT * FROM outbox')).toHaveLength(1);
  });

  test('among the events of one list is told, and the others are taken', async () => {
    const { take } = setting();
    const events = [registration(), '{"event":"MessageNew"}', messageNew()].map((text) => text.trim());
    expect(await take(`[${events.join(',')}]`)).toMatchObject({
      targetIds: [1],
      bad: expect.any(String) as string,
    });
  });

  test('an unreadable database is the caller’s to deal with', async () => {
    const { store, take } = setting();
    store.close();
    await expect(take(registration())).rejects.toThrow();
  });
});
