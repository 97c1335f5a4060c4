import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { issueClientCertificate } from '../src/apns/credentials/pki.ts';
import { deliverInBackground } from '../src/delivery/background.ts';
import { systemClock } from '../src/process/clock.ts';
import type { Config } from '../src/config/config.ts';
import { loadConfig } from '../src/config/load.ts';
import { openStore } from '../src/store/open.ts';
import { writeSpool } from '../src/spool/spool.ts';
import { flush } from '../src/delivery/flush.ts';
import { startsInVain } from '../src/delivery/in-vain.ts';
import { statusOf } from '../src/status/status.ts';
import { verdictOf } from '../src/status/verdict.ts';
import { apnsConfig, startTestApns, type TestApns } from './support/apns.ts';
import { COMMAND, eventually, imapdConfOf } from './support/command.ts';
import { ACCOUNT_ID, captured, messageNew, registration, tokenNumber } from './support/events.ts';
import { forget } from './support/pushes.ts';
import { recordedLog } from './support/recorded-log.ts';
import { notifyAsCyrus, registrationOf, served } from './support/serving.ts';
import { holdWriteLock, registered, subscription, temporaryFolder } from './support/store.ts';
import { testSurroundings } from './support/surroundings.ts';

/** What makes a credential unusable: each breaks a file, and gives what is told of it. */
type Fault = [string, (files: Files) => void, RegExp];

interface Files {
  certificate: string;
  key: string;
  ca: string;
  passphrase: string;
}

let apns: TestApns;
let expired: string;
let early: string;
let mdm: string;
let otherKey: string;

beforeAll(async () => {
  apns = await startTestApns();
  const authority = {
    certificatePem: readFileSync(apns.files.ca, 'utf8'),
    keyPem: readFileSync(apns.files.caKey, 'utf8'),
  };
  const validFrom = (fromMs: number, toMs: number): string => {
    const validity = { notBefore: new Date(fromMs), notAfter: new Date(toMs) };
    return joined(issueClientCertificate(authority, { topic: apns.topic, validity }));
  };
  expired = validFrom(0, Date.now() - 1e9);
  early = validFrom(Date.now() + 1e9, Date.now() + 2e9);
  const another = issueClientCertificate(authority, { topic: 'com.apple.mgmt.External.1' });
  mdm = joined(another);
  otherKey = another.keyPem;
});
beforeEach(() => forget(apns));
afterAll(() => apns.close());

function joined({ certificatePem, keyPem }: { certificatePem: string; keyPem: string }): string {
  return certificatePem + keyPem;
}

const FAULTS: Fault[] = [
  ['missing', ({ certificate }) => rmSync(certificate), /there is no file/],
  ['expired', both(() => expired), /expired on/],
  ['not valid yet', both(() => early), /is not valid before/],
  ['with the key of another', ({ key }) => writeFileSync(key, otherKey), /does not match/],
  ['garbage', ({ certificate }) => writeFileSync(certificate, 'garbage'), /neither PEM nor PKCS#12/],
  ['empty', ({ certificate }) => writeFileSync(certificate, ''), /is empty: 0 bytes/],
  ['for MDM', both(() => mdm), /not one of Mail/],
  ['without its passphrase', ({ passphrase }) => rmSync(passphrase), /passphrase_file: there is no file/],
  ['beside a missing apns.ca', ({ ca }) => rmSync(ca), /apns\.ca: cannot read/],
];

function both(content: () => string) {
  return ({ certificate, key }: Files): void => {
    writeFileSync(certificate, content());
    writeFileSync(key, content());
  };
}

interface Setting {
  folder: string;
  config: Config;
  files: Files;
  repair: () => void;
}

/** A configuration whose credential is well until a test breaks it. Cyrus tells the topic. */
function setting(more = ''): Setting {
  const folder = temporaryFolder();
  const [certificate, key, ca, passphrase] = ['mail.pem', 'mail.key', 'ca.pem', 'passphrase'].map((name) =>
    join(folder, name),
  ) as [string, string, string, string];
  const files = { certificate, key, ca, passphrase };
  const repair = (): void => {
    const good = apnsConfig(apns);
    writeFileSync(certificate, readFileSync(good.certificate));
    writeFileSync(key, readFileSync(good.key));
    writeFileSync(ca, readFileSync(good.ca));
    writeFileSync(passphrase, 'secret\n');
  };
  repair();
  mkdirSync(join(folder, 'spool'));
  writeFileSync(join(folder, 'imapd.conf'), imapdConfOf(COMMAND, `aps_topic: ${apns.topic}`));
  writeFileSync(
    join(folder, 'config.yaml'),
    `store: ${folder}/x.db
spool: ${folder}/spool
imapd_conf: ${folder}/imapd.conf
apns:
  server: ${apns.url.origin}
  certificate: ${certificate}
  key: ${key}
  passphrase_file: ${passphrase}
  ca: ${ca}
delivery: { throttle: 0s, linger: 1s }
serve: { http: "127.0.0.1:0", cyrus_socket: ${folder}/cyrus.sock }
${more}`,
  );
  return { folder, config: loadConfig(join(folder, 'config.yaml'), {}), files, repair };
}

/** As a mail server says it that has told the phone its topic. */
const TOLD = {
  ...{ registration: 1, source: 'dovecot-plugin', user: 'carol', version: 2, mailboxes: ['INBOX'] },
  ...{ accountId: ACCOUNT_ID, deviceToken: tokenNumber(3), subtopic: 'com.apple.mobilemail' },
};

const errorsIn = (log: ReturnType<typeof recordedLog>): string =>
  JSON.stringify(log.entries.filter(({ level }) => level === 'error'));

async function waiting(config: Config): Promise<number> {
  const { waiting: summary } = await statusOf(config, systemClock);
  return Object.values(summary.groups).reduce((sum, group) => sum + group.pushes, 0);
}

describe('serve with a certificate that cannot be used', () => {
  test.each(FAULTS)(
    '%s: takes everything, says what is wrong, and goes on by itself',
    async (_, hurt, why) => {
      const { folder, config, files, repair } = setting();
      hurt(files);
      const { log, ask } = await served(config);
      // Every door: HTTP, Cyrus's socket, the spool.
      expect(await ask('/register', registrationOf('bob', 1))).toEqual({ status: 200, text: apns.topic });
      expect(
        await ask('/notify', '{"Username":"bob","Mailbox":"INBOX","Events":["MessageNew"]}'),
      ).toMatchObject({
        status: 200,
      });
      expect(await notifyAsCyrus(folder, captured('dlist-ApplePushService.bin'))).toBe('OK NIL\r\n');
      expect(await notifyAsCyrus(folder, captured('dlist-MessageNew.bin'))).toBe('OK NIL\r\n');
      writeSpool(config.spool, Buffer.from(registration({ user: 'carol' })), Date.now());
      writeSpool(config.spool, Buffer.from(messageNew('carol')), Date.now() + 1);
      await eventually(
        () => waiting(config),
        (count) => count === 3,
      );
      // What is wrong, and that nothing is sent for it.
      const readiness = await ask('/readyz');
      expect(readiness.status).toBe(200);
      expect(readiness.text).toMatch(/^ready, but no push is sent: .*; fix: /);
      expect(readiness.text).toMatch(why);
      await eventually(
        async () => (await ask('/metrics')).text,
        (text) => text.includes('xapplepush_credential_usable{credential="apns"} 0\n'),
      );
      const verdict = verdictOf(await statusOf(config, systemClock));
      expect(verdict).toMatchObject({ state: 'broken', text: expect.stringMatching(why) as string });
      expect(errorsIn(log)).toMatch(why);
      expect(apns.received).toEqual([]);
      repair();
      await apns.pushes(3);
      expect((await ask('/readyz')).text).toBe('ready\n');
      await eventually(
        async () => (await ask('/metrics')).text,
        (text) => text.includes('xapplepush_credential_usable{credential="apns"} 1\n'),
      );
      await eventually(
        async () => verdictOf(await statusOf(config, systemClock)),
        ({ state }) => state === 'works',
      );
    },
  );

  test.each(FAULTS)(
    '%s: at a reload the new configuration is in force, and its pushes wait',
    async (_, hurt, why) => {
      const { config, files, repair } = setting();
      const { ask, serving } = await served(config);
      hurt(files);
      const log = recordedLog();
      const imapdConf = `${config.imapdConf}.new`;
      writeFileSync(imapdConf, `aps_topic: com.apple.mail.XServer.new\n`);
      await serving.reload({ config: { ...config, imapdConf }, log });
      const told = await ask('/register', registrationOf('bob', 1));
      expect(told).toEqual({ status: 200, text: 'com.apple.mail.XServer.new'.padEnd(51, '\0') });
      writeFileSync(imapdConf, `aps_topic: ${apns.topic}\n`);
      await serving.reload({ config: { ...config, imapdConf }, log });
      await ask('/register', registrationOf('bob', 1));
      await ask('/notify', '{"Username":"bob","Mailbox":"INBOX","Events":["MessageNew"]}');
      expect((await ask('/readyz')).text).toMatch(why);
      expect(errorsIn(log)).toMatch(why);
      expect(apns.received).toEqual([]);
      repair();
      await apns.pushes(1);
    },
  );

  test('leaves the others in use, and the topic of the device decides', async () => {
    const { folder, config, files } = setting();
    const also = [{ certificate: files.certificate, key: files.key }];
    const broken = { ...config, apns: { ...config.apns, certificate: join(folder, 'none.pem'), also } };
    const { ask } = await served(broken);
    await ask('/register', registrationOf('bob', 1));
    await ask('/notify', '{"Username":"bob","Mailbox":"INBOX","Events":["MessageNew"]}');
    await apns.pushes(1);
    expect((await ask('/readyz')).text).toMatch(/^ready, but some pushes wait: .*none\.pem/);
    const { text } = await ask('/metrics');
    expect(text).toContain('xapplepush_credential_usable{credential="apns"} 0\n');
    expect(text).toContain('xapplepush_credential_usable{credential="apns.also[1]"} 1\n');
    expect(verdictOf(await statusOf(broken, systemClock)).text).toMatch(/does not work: .*none\.pem/);
    // A topic that no credential is known to be for may be that of the one that cannot be read.
    const subscriptions = [subscription('INBOX', 'dave')];
    const another = { user: 'dave', topic: 'com.apple.mail.XServer.another', subscriptions };
    const store = openStore(config.store, { create: false });
    onTestFinished(() => store.close());
    await registered(store, another);
    await ask('/notify', '{"Username":"dave","Mailbox":"INBOX","Events":["MessageNew"]}');
    const { groups } = await eventually(
      async () => (await statusOf(broken, systemClock)).waiting,
      (summary) => summary.groups.credential !== undefined,
    );
    expect(groups.credential).toMatchObject({
      pushes: 1,
      reason: expect.stringMatching(/none\.pem/) as string,
    });
  });
});

describe('a registration while the database is locked', () => {
  test('is answered with the topic, lies in the spool, and is made for it', async () => {
    const { folder, config, files } = setting();
    writeFileSync(join(folder, 'imapd.conf'), '');
    writeFileSync(files.certificate, expired);
    const { ask } = await served(config);
    const lock = holdWriteLock(config.store);
    for (const n of [1, 2, 3])
      expect(await ask('/register', registrationOf('bob', n))).toEqual({ status: 200, text: apns.topic });
    rmSync(files.certificate);
    lock.release();
    const store = openStore(config.store, { create: false });
    onTestFinished(() => store.close());
    const targets = await eventually(
      () => store.listTargets({}),
      ({ length }) => length === 3,
    );
    expect(targets.map(({ topic }) => topic)).toEqual([apns.topic, apns.topic, apns.topic]);
  });

  test('and where no certificate can be read since the start, its topic is the one told before', async () => {
    const { folder, config, files } = setting();
    writeFileSync(join(folder, 'imapd.conf'), '');
    const before = await served(config);
    expect(await before.ask('/register', registrationOf('bob', 1))).toMatchObject({ status: 200 });
    await before.end();
    rmSync(files.certificate);
    const { ask } = await served(config);
    const lock = holdWriteLock(config.store);
    for (const n of [2, 3])
      expect(await ask('/register', registrationOf('bob', n))).toEqual({ status: 200, text: apns.topic });
    lock.release();
    const devices = async (): Promise<number> => (await statusOf(config, systemClock)).targets.targets;
    await eventually(devices, (count) => count === 3);
  });

  test('and where another server has told a wrong one, that is kept as it was told, and told to nobody else', async () => {
    const { folder, config, files, repair } = setting();
    writeFileSync(join(folder, 'imapd.conf'), '');
    const before = await served(config);
    await before.ask('/register', registrationOf('bob', 1));
    await before.ask('/notify', '{"Username":"bob","Mailbox":"INBOX","Events":["MessageNew"]}');
    await apns.pushes(1);
    await eventually(
      async () => (await statusOf(config, systemClock)).targets.lastSuccess,
      (last) => last !== undefined,
    );
    await before.end();
    rmSync(files.certificate);
    const { ask } = await served(config);
    const mistyped = { ...TOLD, topic: 'com.apple.mail.XServer.mistyped' };
    expect((await ask('/events', JSON.stringify(mistyped))).status).toBe(202);
    expect(await ask('/register', registrationOf('alice', 2))).toEqual({ status: 200, text: apns.topic });
    const store = openStore(config.store, { create: false });
    onTestFinished(() => store.close());
    const topics = new Map((await store.listTargets({})).map(({ user, topic }) => [user, topic]));
    expect([topics.get('carol'), topics.get('alice')]).toEqual([mistyped.topic, apns.topic]);
    // Its phone watches the wrong topic until it asks again: the push waits for that, and keeps nothing else waiting.
    for (const Username of ['carol', 'alice'])
      await ask('/notify', JSON.stringify({ Username, Mailbox: 'INBOX', Events: ['MessageNew'] }));
    repair();
    const [, push] = await apns.pushes(2);
    expect(push).toMatchObject({ deviceToken: tokenNumber(2), topic: apns.topic });
    await eventually(
      async () => (await statusOf(config, systemClock)).waiting.groups.topic?.pushes,
      (pushes) => pushes === 1,
    );
    expect((await ask('/events', JSON.stringify({ ...mistyped, topic: apns.topic }))).status).toBe(202);
    const [, , last] = await apns.pushes(3);
    expect(last).toMatchObject({ deviceToken: TOLD.deviceToken, topic: apns.topic });
  });

  test('and where imapd.conf cannot be read, its topic is that of the certificate', async () => {
    const { folder, config } = setting();
    rmSync(join(folder, 'imapd.conf'));
    mkdirSync(join(folder, 'imapd.conf'));
    const { ask } = await served(config);
    expect(await ask('/register', registrationOf('bob', 1))).toEqual({ status: 200, text: apns.topic });
    await ask('/notify', '{"Username":"bob","Mailbox":"INBOX","Events":["MessageNew"]}');
    await apns.pushes(1);
    // What needs it waits, and is taken when it can be read.
    expect(await notifyAsCyrus(folder, captured('dlist-ApplePushService.bin'))).toBe('OK NIL\r\n');
    writeSpool(config.spool, Buffer.from(registrationOf('carol', 2)), Date.now() + 1);
    const devices = async (): Promise<number> => (await statusOf(config, systemClock)).targets.targets;
    await eventually(devices, (count) => count === 2);
    rmSync(join(folder, 'imapd.conf'), { recursive: true });
    writeFileSync(join(folder, 'imapd.conf'), `aps_topic: ${apns.topic}\n`);
    await eventually(devices, (count) => count === 3);
  });

  test('is refused where the spool cannot take it either', async () => {
    const { config } = setting();
    const { ask } = await served(config);
    holdWriteLock(config.store);
    rmSync(config.spool, { recursive: true });
    writeFileSync(config.spool, 'in the way');
    expect((await ask('/register', registrationOf('bob', 1))).status).toBe(503);
  });
});

describe('the deliverer', () => {
  test.each(FAULTS)(
    '%s: takes the spool, says it once, and is not started for each event',
    async (_, hurt, why) => {
      const { config, files, repair } = setting();
      hurt(files);
      const log = recordedLog();
      const around = testSurroundings({ clock: systemClock });
      writeSpool(config.spool, Buffer.from(registration()), Date.now());
      writeSpool(config.spool, Buffer.from(messageNew()), Date.now() + 1);
      await deliverInBackground({ config, log }, around);
      expect(await waiting(config)).toBe(1);
      expect(errorsIn(log)).toMatch(why);
      expect(startsInVain(config, Date.now())).toBe(true);
      expect(startsInVain(config, Date.now() + 301_000)).toBe(false);
      const later = recordedLog();
      await deliverInBackground({ config, log: later }, around);
      expect(later.messages('error')).toEqual([]);
      await expect(flush({ config, log, clock: systemClock, all: false })).rejects.toMatchObject({
        exitCode: 78,
        message: expect.stringMatching(why) as string,
      });
      repair();
      expect(startsInVain(config, Date.now())).toBe(false);
      await deliverInBackground({ config, log }, around);
      expect(apns.received).toHaveLength(1);
      expect(existsSync(`${config.control}.unusable`)).toBe(false);
    },
  );
});
