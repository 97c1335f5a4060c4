import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Listener } from '../../src/check/subject.ts';
import { withMockApns } from '../support/apns.ts';
import { ACCOUNT_ID, tokenNumber } from '../support/events.ts';
import { enqueued, registered, testStore } from '../support/store.ts';
import { file, give, goodSetup, notOk, said, USER } from './setup.ts';

const MINUTE_MS = 60_000;

describe('a good set-up', () => {
  test('is ok in every point, in a fixed order, and changes nothing', async () => {
    await withMockApns({}, async (mock) => {
      const setup = await goodSetup(mock);
      const store = testStore(setup.store);
      await registered(store, { topic: mock.topic });
      give(setup.store);
      store.close();
      const before = [readdirSync(setup.dir), readdirSync(setup.spool)];
      const { points, exitCode } = await setup.run();
      expect(notOk(points)).toEqual([]);
      expect(exitCode).toBe(0);
      expect(points.map(({ point }) => point)).toEqual([
        ...['configuration', 'clock', 'mail user', 'secret files', 'files to read', 'log', 'credential'],
        ...['imapd.conf', 'Cyrus version'],
        ...['event_notifier', 'event_groups', 'event content', 'aps_topic', 'login', 'notifysocket'],
        ...['notify_external', 'handler', 'database folder', 'spool folder', 'database', 'outbox', 'spool'],
        ...['Apple: name', 'Apple: port', 'Apple: TLS', 'Apple: HTTP/2', 'Apple: push'],
        ...['targets', 'target success', 'target topics', 'deliverer', 'flush'],
      ]);
      expect(points.every(({ text }) => text !== '' && !text.includes('\n'))).toBe(true);
      expect([readdirSync(setup.dir), readdirSync(setup.spool)]).toEqual(before);
    });
  });

  test('tells another process, which is the owner of the database, its part alone', async () => {
    await withMockApns({}, async (mock) => {
      const setup = await goodSetup(mock);
      const [whole, part] = [await setup.run(), await setup.run({ ownersPartOnly: true })];
      const first = whole.points.findIndex(({ point }) => point === 'database');
      expect(part).toEqual({ points: whole.points.slice(first), exitCode: whole.exitCode });
      setup.configure('nonsense: 1\n');
      const { points } = await setup.run({ ownersPartOnly: true });
      expect(new Set(points.map(({ text }) => text))).toEqual(new Set(['needs first: configuration']));
    });
  });

  test('each subject is told before the next is looked at', async () => {
    await withMockApns({}, async (mock) => {
      const setup = await goodSetup(mock);
      const heard: string[] = [];
      let count = 0;
      const listener: Listener = {
        begin: (subject) => void heard.push(subject),
        end: (points) => void heard.push((count += points.length) > 0 ? 'told' : 'nothing'),
      };
      const { points } = await setup.run({ listener });
      expect(heard).toEqual(
        [
          ...['Configuration', 'Credentials', 'Cyrus', 'Database and spool', 'Apple', 'Devices and pushes'],
        ].flatMap((subject) => [subject, 'told']),
      );
      expect(count).toBe(points.length);
    });
  });

  test('before anything has happened there are no devices, which is a warning', async () => {
    await withMockApns({}, async (mock) => {
      const setup = await goodSetup(mock);
      const { points, exitCode } = await setup.run();
      expect(notOk(points)).toEqual(['targets: warning']);
      expect(exitCode).toBe(0);
      expect(said(points, 'database')[0]).toContain('the first registration makes it');
    });
  });

  test('on a host without Cyrus its points are absent, and the store says who the mail user is', async () => {
    await withMockApns({}, async (mock) => {
      const setup = await goodSetup(mock);
      rmSync(setup.imapdConf);
      const { points, exitCode } = await setup.run();
      expect(exitCode).toBe(0);
      expect(said(points, 'imapd.conf')[0]).toMatch(/^ok: .*no Cyrus on this host/);
      expect(said(points, 'mail user')).toEqual([`ok: ${USER.called}: the owner of ${setup.dir}/lib`]);
      expect(points.filter(({ state }) => state === 'skipped')).toEqual([]);
      expect(said(points, 'aps_topic')).toEqual([]);
    });
  });
});

describe('a configuration that cannot be used', () => {
  test('gives 78, a point for each problem, and nothing else is judged', async () => {
    await withMockApns({}, async (mock) => {
      const setup = await goodSetup(mock);
      setup.configure('delivery: { linger: 10 }\nnonsense: 1\n');
      const { points, exitCode } = await setup.run();
      expect(exitCode).toBe(78);
      const [linger, nonsense, ...others] = said(points, 'configuration');
      expect(linger).toMatch(/^problem: .*config\.yaml:\d+:\d+: delivery\.linger: expected/);
      expect(nonsense).toContain('unknown key');
      expect(others).toEqual([]);
      expect(points.slice(2).every(({ state }) => state === 'skipped')).toBe(true);
      expect(points[5]?.text).toBe('needs first: configuration');
      expect(mock.received).toEqual([]);
    });
  });
});

describe('one fault', () => {
  test('is a password for the proxy that everybody can read, or nobody', async () => {
    await withMockApns({}, async (mock) => {
      const setup = await goodSetup(mock);
      const password = file(join(setup.dir, 'password'), 'alice:sesame\n', 0o644);
      const text = readFileSync(setup.configFile, 'utf8');
      const proxy = `apns:\n  proxy: http://127.0.0.1:1\n  proxy_password_file: ${password}\n`;
      writeFileSync(setup.configFile, text.replace('apns:\n', proxy));
      const { points } = await setup.run();
      const [secret] = points.filter(({ point }) => point === 'secret files');
      expect(secret).toMatchObject({ state: 'warning', fix: `chmod 0640 ${password}` });
      expect(said(points, 'Proxy: port')[0]).toContain('problem: http://127.0.0.1:1: connection refused');
      rmSync(password);
      expect(said((await setup.run()).points, 'files to read')).toEqual([`problem: there is no ${password}`]);
    });
  });

  test('is a password for HTTP, or a secret of webhooks, that everybody can read, or that serve cannot', async () => {
    await withMockApns({}, async (mock) => {
      const setup = await goodSetup(mock);
      const password = file(join(setup.dir, 'password'), 'secret\n', 0o644);
      const hooks = file(join(setup.dir, 'hooks'), '0123456789abcdef\n', 0o644);
      const webhook = `webhook: { urls: [https://a.example.org/], secret_file: ${hooks} }`;
      setup.configure(`serve: { http: '[::1]:11619', http_password_file: ${password} }\n${webhook}\n`);
      const { points } = await setup.run();
      const secrets = points.filter(({ point }) => point === 'secret files');
      expect(secrets).toMatchObject(
        [password, hooks].map((each) => ({ state: 'warning', fix: `chmod 0640 ${each}` })),
      );
      for (const each of [password, hooks]) rmSync(each);
      expect(said((await setup.run()).points, 'files to read')).toEqual(
        [password, hooks].map((each) => `problem: there is no ${each}`),
      );
    });
  });

  test('of the credential leaves its points and those that need it', async () => {
    await withMockApns({}, async (mock) => {
      const setup = await goodSetup(mock);
      writeFileSync(mock.files.clientCertificate, 'nothing');
      const { points, exitCode } = await setup.run();
      expect(exitCode).toBe(1);
      expect(notOk(points)).toEqual([
        ...['credential: problem', 'aps_topic: skipped'],
        ...['Apple: HTTP/2: skipped', 'Apple: push: skipped', 'targets: warning'],
      ]);
    });
  });

  test('of the topic is told where Cyrus hands out another one', async () => {
    await withMockApns({}, async (mock) => {
      const setup = await goodSetup(mock);
      setup.imapd({ aps_topic: 'com.apple.mail.XServer.other' });
      const { points, exitCode } = await setup.run();
      expect(exitCode).toBe(1);
      expect(notOk(points)).toEqual(['aps_topic: problem', 'targets: warning']);
      expect(points.find(({ point }) => point === 'aps_topic')?.fix).toContain(mock.topic);
    });
  });

  test('of the database leaves what is in it', async () => {
    await withMockApns({}, async (mock) => {
      const setup = await goodSetup(mock);
      writeFileSync(setup.store, 'no database at all, but long enough to be taken for one'.repeat(20));
      give(setup.store);
      const { points, exitCode } = await setup.run();
      expect(exitCode).toBe(1);
      expect(notOk(points)).toEqual(['database: problem', 'outbox: skipped', 'targets: skipped']);
    });
  });

  test('of imapd.conf that cannot be read leaves all that is in it', async () => {
    await withMockApns({}, async (mock) => {
      const setup = await goodSetup(mock);
      rmSync(setup.imapdConf);
      mkdirSync(setup.imapdConf);
      const { points, exitCode } = await setup.run();
      expect(exitCode).toBe(1);
      expect(said(points, 'imapd.conf')[0]).toMatch(/^problem: cannot read/);
      expect(said(points, 'handler')).toEqual(['skipped: needs first: imapd.conf']);
    });
  });

  test('of the mail user leaves what is tried as that user', async () => {
    await withMockApns({}, async (mock) => {
      const setup = await goodSetup(mock);
      setup.imapd({ cyrus_user: 'no-such-user' });
      const { points, exitCode } = await setup.run();
      expect(exitCode).toBe(1);
      expect(notOk(points)).toEqual([
        ...['mail user: problem', 'files to read: skipped', 'log: skipped'],
        ...['notify_external: skipped', 'handler: skipped'],
        ...['database folder: skipped', 'spool folder: skipped', 'targets: warning'],
      ]);
    });
  });

  test('of the spool, waiting files and bad ones', async () => {
    await withMockApns({}, async (mock) => {
      const setup = await goodSetup(mock);
      mkdirSync(join(setup.spool, 'bad'));
      for (const name of ['1.json', '1.json.reason']) writeFileSync(join(setup.spool, 'bad', name), '');
      expect(said((await setup.run()).points, 'spool')).toEqual(['warning: 1 file could not be understood']);
      mkdirSync(join(setup.spool, 'new'));
      for (const name of ['1.json', '2.json']) writeFileSync(join(setup.spool, 'new', name), '');
      expect(said((await setup.run()).points, 'spool')[0]).toMatch(/^warning: 2 files wait/);
    });
  });
});

describe('what the database holds', () => {
  test('pushes that are owed are a warning from ten minutes on', async () => {
    await withMockApns({}, async (mock) => {
      const setup = await goodSetup(mock);
      const store = testStore(setup.store);
      const nowMs = setup.clock.nowMs();
      await registered(store, { topic: mock.topic });
      await enqueued(store, { nowMs: nowMs - 9 * MINUTE_MS });
      store.close();
      give(setup.store);
      expect(said((await setup.run()).points, 'outbox')[0]).toMatch(/^ok: 1 push waits, the oldest since/);
      setup.clock.advance(MINUTE_MS);
      const { points, exitCode } = await setup.run();
      expect(said(points, 'outbox')[0]).toMatch(/^warning: 1 push waits.*\(never tried\)/);
      expect(exitCode).toBe(0);
    });
  });

  test('devices that never had a success, and those of a topic that nobody covers, are named', async () => {
    await withMockApns({}, async (mock) => {
      const setup = await goodSetup(mock);
      const store = testStore(setup.store);
      await registered(store, { topic: mock.topic });
      await registered(store, {
        user: 'bob',
        deviceToken: tokenNumber(1),
        topic: 'com.apple.mail.XServer.old',
      });
      await registered(store, { user: 'carol', deviceToken: tokenNumber(2), topic: '' });
      await store.write((sql) =>
        sql("UPDATE targets SET last_push_ms = 1, last_error = 'BadDeviceToken' WHERE user = 'bob'").run(),
      );
      await store.write((sql) =>
        sql("UPDATE targets SET last_push_ms = 1, last_success_ms = 1 WHERE user = 'alice'").run(),
      );
      give(setup.store);
      store.close();
      const { points, exitCode } = await setup.run();
      expect(exitCode).toBe(0);
      expect(said(points, 'targets')).toEqual(['ok: 3 devices of 3 users']);
      expect(said(points, 'target success')).toEqual([
        'warning: never a success: bob 00000000…0002; the first says BadDeviceToken',
      ]);
      expect(said(points, 'target topics')[0]).toMatch(/^warning: must register again.*: bob 00000000…0002$/);
      expect(JSON.stringify(points)).not.toContain(tokenNumber(1));
      expect(JSON.stringify(points)).not.toContain(ACCOUNT_ID);
    });
  });
});
