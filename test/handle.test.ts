import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connect } from '../src/store/sqlite/driver.ts';
import { configFor, startTestApns, type TestApns } from './support/apns.ts';
import { forget } from './support/pushes.ts';
import { createSandbox, eventually, NOTIFYD_ARGUMENTS, type Sandbox } from './support/command.ts';
import { ACCOUNT_ID, captured, DEVICE_TOKEN, messageNew, registration } from './support/events.ts';
import { here } from './support/here.ts';

let apns: TestApns;
/** In which the program runs in processes of its own, and the same in which it runs here. */
let whole: Sandbox;
let sandbox: Sandbox;

beforeAll(async () => {
  apns = await startTestApns();
});
afterAll(() => apns.close());
beforeEach(() => {
  forget(apns);
  apns.setAnswers('*', ['200']);
  whole = createSandbox(
    `${configFor(apns)}\ndelivery: { linger: 1s, deadline: 5s }\nlog: { level: debug }\n`,
  );
  sandbox = here(whole);
});
afterEach(() => sandbox.remove());

describe('as notify_external', () => {
  test('a registration and a delivery become a push, sent in the background', async () => {
    const registered = await whole.notify(captured('0025-ApplePushService-aps-v2.json'));
    expect(registered).toMatchObject({ exitCode: 0, stdout: '' });
    const delivered = await whole.notify(captured('0060-MessageNew-lmtp-inbox.json'));
    expect(delivered).toMatchObject({ exitCode: 0, stdout: '' });
    const [push] = await eventually(
      () => apns.received,
      (pushes) => pushes.length > 0,
    );
    expect(push).toMatchObject({ deviceToken: DEVICE_TOKEN, topic: apns.topic, pushType: 'background' });
    expect(push?.payload).toEqual({ aps: { 'account-id': ACCOUNT_ID } });
    await eventually(
      () => sandbox.deliverers(),
      (pids) => pids.length === 0,
    );
    expect(apns.received).toHaveLength(1);
  });

  test('a folder is told by the MD5 of its echoed name', async () => {
    await sandbox.notify(captured('0025-ApplePushService-aps-v2.json'));
    const finished = await sandbox.run(['--wait'], { input: captured('0070-MessageNew-lmtp-plus-acl.json') });
    expect(finished.exitCode).toBe(0);
    expect(apns.received[0]?.m).toEqual([createHash('md5').update('Archive').digest('hex')]);
  });

  test('several events, one a line, with a bad one between them', async () => {
    const input = `${registration()}{"event":\n\n${messageNew()}`;
    const finished = await sandbox.run(['--wait'], { input });
    expect(finished).toMatchObject({ exitCode: 65, stdout: '' });
    expect(finished.stderr).toMatch(/^xapplepush: error: /m);
    expect(finished.stderr).toMatch(/^xapplepush: hint: /m);
    expect(apns.received).toHaveLength(1);
  });

  test('events that do not concern us do not open the database', async () => {
    const files = [
      '0009-MailboxModseq-admin-setacl-shared.json',
      '0001-MailboxCreate-admin-create-alice.json',
    ];
    for (const file of files) {
      const finished = await sandbox.notify(captured(file));
      expect(finished.exitCode).toBe(0);
      expect(finished.stderr).toMatch(/debug: ignored/);
    }
    expect(existsSync(sandbox.store)).toBe(false);
  });

  test('notifications of another class are no events', async () => {
    const args = ['-c', 'MAIL', '-p', '', '-u', 'alice', '-m', 'INBOX', '-f'];
    const finished = await sandbox.run(args, { input: captured('1744-classMAIL-Q-class-mail.json') });
    expect(finished).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
  });
});

describe('bad input', () => {
  const bad: Record<string, string | Buffer> = {
    'nothing at all': '',
    'no JSON': 'hello\n',
    'no object': '"MessageNew"\n',
    null: 'null\n',
    'an object without event': '{}\n',
    'wrong types': registration({ user: 7, mailboxes: 'INBOX' }),
    'broken UTF-8': Buffer.concat([
      Buffer.from('{"event":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}\n'),
    ]),
    'NUL bytes': Buffer.from('{"event":"Message\0New"}\n'),
    megabytes: `{"event":"MessageNew","uri":"${'x'.repeat(3_000_000)}"}\n`,
    'deep nesting': `${'['.repeat(200_000)}\n`,
    'another subtopic': registration({ apsSubtopic: 'com.example.app' }),
    'a token that is none': registration({ apsDeviceToken: 'zz' }),
    'an account id that is none': captured('0043-ApplePushService-aps-acct-utf8.json'),
    'no mailbox': captured('0032-ApplePushService-aps-v2-empty-list.json'),
  };
  test.each(Object.entries(bad))('%s: error and hint, exit 65, no stack', async (_name, input) => {
    const finished = await sandbox.notify(input);
    expect(finished.exitCode).toBe(65);
    expect(finished.stdout).toBe('');
    expect(finished.stderr).toMatch(/^xapplepush: error: .+\nxapplepush: hint: .+\n$/);
    expect(finished.stderr).not.toMatch(/^\s+at /m);
    expect(finished.stderr).not.toContain(DEVICE_TOKEN);
    expect(existsSync(join(sandbox.spool, 'new'))).toBe(false);
  });

  test('an unknown argument is a usage error', async () => {
    const finished = await sandbox.run(['--what'], { input: messageNew() });
    expect(finished.exitCode).toBe(64);
    expect(finished.stderr).toMatch(/error: unknown argument "--what"/);
  });
});

describe('a database that cannot take it', () => {
  const damage: Record<string, () => void> = {
    'no folder': () => {
      const yaml = readFileSync(sandbox.configFile, 'utf8');
      writeFileSync(sandbox.configFile, yaml.replace(/^store: .*$/m, `store: ${sandbox.dir}/no/such/x.db`));
    },
    'no database': () =>
      writeFileSync(sandbox.store, 'this is not a database, and it is long enough to tell. '.repeat(40)),
  };
  test('newer than the program: exit 75, the event is kept, the database untouched', async () => {
    await sandbox.notify(registration());
    const database = connect(sandbox.store);
    database.pragma('user_version = 99');
    database.close();
    const finished = await sandbox.notify(messageNew());
    expect(finished.exitCode).toBe(75);
    expect(finished.stderr).toMatch(
      /has version 99; this program knows versions up to \d+; the event is kept in /,
    );
    expect(readdirSync(join(sandbox.spool, 'new'))).toHaveLength(1);
    expect((await sandbox.run(['targets', 'list'])).exitCode).toBe(75);
  });

  test('locked for long: exit 0, the event is in the spool and delivered from there', async () => {
    await sandbox.notify(registration());
    const database = connect(sandbox.store);
    database.exec('BEGIN IMMEDIATE');
    const finished = await sandbox.notify(messageNew());
    expect(finished.exitCode).toBe(0);
    expect(finished.stderr).toMatch(/warn: database busy: event kept in the spool/);
    database.exec('ROLLBACK');
    database.close();
    await eventually(
      () => apns.received,
      (pushes) => pushes.length > 0,
    );
  });

  test.each(Object.entries(damage))(
    '%s: exit 75, the event is kept and flushed later',
    async (_name, harm) => {
      const yaml = readFileSync(sandbox.configFile, 'utf8');
      await sandbox.notify(registration());
      if (existsSync(sandbox.store)) rmSync(sandbox.store);
      harm();
      const event = registration();
      const finished = await sandbox.notify(event);
      expect(finished.exitCode).toBe(75);
      expect(finished.stderr).toMatch(
        /^xapplepush: error: .*kept in .*\nxapplepush: hint: .*xapplepush flush\n$/,
      );
      const [kept] = readdirSync(join(sandbox.spool, 'new'));
      expect(readFileSync(join(sandbox.spool, 'new', kept ?? ''), 'utf8')).toBe(event.trimEnd());
      writeFileSync(sandbox.configFile, yaml);
      rmSync(sandbox.store, { force: true });
      const flushed = await sandbox.run(['flush', '--json']);
      expect(flushed.exitCode).toBe(0);
      expect(JSON.parse(flushed.stdout)).toMatchObject({ spool: { taken: 1, bad: 0 } });
      expect(readdirSync(join(sandbox.spool, 'new'))).toEqual([]);
      const listed = await sandbox.run(['targets', 'list', '--json']);
      expect(JSON.parse(listed.stdout)).toMatchObject([{ user: 'alice' }]);
    },
  );

  test('a bad configuration: exit 78, the event is kept', async () => {
    writeFileSync(sandbox.configFile, 'store: relative\nunknown: 1\n');
    const spool = join(sandbox.dir, 'fallback');
    const nothing = await sandbox.run(NOTIFYD_ARGUMENTS, {
      input: messageNew(),
      environment: { XAPPLEPUSH_SPOOL: spool },
    });
    expect(nothing.exitCode).toBe(78);
    expect(nothing.stderr).toMatch(/config\.yaml:1:\d+: .*\n.*config\.yaml:2:\d+: /);
  });
});
