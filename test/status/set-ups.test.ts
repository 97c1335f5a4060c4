import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeSpool } from '../../src/spool/spool.ts';
import { connect } from '../../src/store/sqlite/driver.ts';
import type { StatusJson } from '../../src/status/json.ts';
import { configFor, startTestApns, type TestApns } from '../support/apns.ts';
import { COMMAND, configure, imapdConfOf, type Sandbox } from '../support/command.ts';
import { messageNew, registration } from '../support/events.ts';
import { sandboxHere } from '../support/here.ts';
import { testAsRoot, testWithMounts } from '../support/needs.ts';
import { mountSmallDisk } from '../support/small-disk.ts';
import { holdWriteLock } from '../support/store.ts';

/*
 * Each set-up is made for real, by a file, an owner, a mode, a lock or a disk, out of one that works: a device is
 * registered, and a push of it was delivered.
 */

/** A user that is not root, and of whom the system need not know. */
const CYRUS = 4711;

let apns: TestApns;
let sandbox: Sandbox;

beforeEach(async () => {
  apns = await startTestApns();
  sandbox = sandboxHere('');
  imapdConf(whole());
  configure(sandbox, configFor(apns));
  await sandbox.run([], { input: registration() });
});
afterEach(async () => {
  sandbox.remove();
  await apns.close();
});

function whole(): string {
  return imapdConfOf(COMMAND, `aps_topic: ${apns.topic}`);
}

function imapdConf(text: string): void {
  writeFileSync(join(sandbox.dir, 'imapd.conf'), text);
}

/** imapd.conf without that option, or with another value of it. */
function withOption(name: string, value?: string): string {
  const others = whole().replace(new RegExp(`^${name}: .*\n`, 'm'), '');
  return value === undefined ? others : `${others}${name}: ${value}\n`;
}

async function deliverOne(): Promise<void> {
  await sandbox.run(['--wait'], { input: messageNew() });
}

/** The first line, of which the JSON says the same. */
async function firstLine(): Promise<string> {
  const { stdout } = await sandbox.run(['status']);
  const { verdict } = await statusJson();
  const [line = ''] = stdout.split('\n');
  expect(verdict.text).toBe(line);
  expect(verdict.state).toBe(/^works$/.test(line) ? 'works' : /^works, /.test(line) ? 'attention' : 'broken');
  return line.replaceAll(sandbox.dir, 'DIR');
}

async function statusJson(): Promise<StatusJson> {
  return JSON.parse((await sandbox.run(['status', '--json'])).stdout) as StatusJson;
}

test('what works says so, and how many pushes there were', async () => {
  await deliverOne();
  expect(await firstLine()).toBe('works');
  const rate = { delivered: 1, failed: 0, medianDelayMs: expect.any(Number) as number };
  expect((await statusJson()).rates).toEqual({ hour: rate, day: { ...rate, since: null } });
});

describe('where the store cannot be used', () => {
  test.each([
    ['is not there yet', () => rmSync(sandbox.store), 'there is no database DIR/x.db yet'],
    ['is empty', () => writeFileSync(sandbox.store, ''), 'database DIR/x.db is empty: 0 bytes'],
    ['is something else', () => writeFileSync(sandbox.store, 'x'.repeat(5000)), 'DIR/x.db is damaged'],
  ])('since it %s, that is the verdict, with what is known all the same', async (_why, breakIt, text) => {
    for (const name of ['-wal', '-shm']) rmSync(sandbox.store + name, { force: true });
    breakIt();
    writeSpool(sandbox.spool, Buffer.from('{}'), Date.now());
    expect(await firstLine()).toMatch(new RegExp(`^does not work: ${text}.*; fix: `));
    const { verdict, spool, ...rest } = await statusJson();
    expect(verdict.findings).toMatchObject([{ severity: 'broken', fix: expect.any(String) as string }]);
    expect(spool.waiting).toBe(1);
    expect(Object.keys(rest)).toEqual(['at']);
    expect(await sandbox.run(['status'])).toMatchObject({ exitCode: 0, stderr: '' });
  });
});

test('attempts that failed are counted', async () => {
  await deliverOne();
  apns.setAnswers('*', ['503']);
  configure(sandbox, `${configFor(apns)}delivery: { deadline: 1s }\n`);
  await deliverOne();
  const { rates } = await statusJson();
  expect(rates?.hour.delivered).toBe(1);
  expect(rates?.hour.failed).toBeGreaterThan(0);
});

test('where no history is kept, the rates are not known', async () => {
  configure(sandbox, `${configFor(apns)}history: { max_entries: 0 }\n`);
  expect((await statusJson()).rates).toBeNull();
  expect((await sandbox.run(['status'])).stdout).toMatch(/^pushes +not known: history\.max_entries is 0$/m);
});

describe('Cyrus', () => {
  const cases: [string, () => string, string][] = [
    [
      'without event_notifier',
      () => withOption('event_notifier'),
      'does not work: Cyrus tells of nothing: event_notifier is not set in DIR/imapd.conf; fix: in DIR/imapd.conf: event_notifier: external',
    ],
    [
      'with another event_notifier',
      () => withOption('event_notifier', 'log'),
      'does not work: Cyrus tells of nothing: event_notifier is log in DIR/imapd.conf; fix: in DIR/imapd.conf: event_notifier: external',
    ],
    [
      'without events of messages',
      () => withOption('event_groups', 'applepushservice'),
      'does not work: Cyrus does not tell of new mail: event_groups in DIR/imapd.conf lacks message; fix: in DIR/imapd.conf: event_groups: applepushservice message flags',
    ],
    [
      'without registrations',
      () => withOption('event_groups'),
      'works, but no device can register: event_groups in DIR/imapd.conf lacks applepushservice; fix: in DIR/imapd.conf: event_groups: applepushservice message flags',
    ],
    [
      'without aps_topic',
      () => withOption('aps_topic'),
      'works, but no device can register: aps_topic is not set in DIR/imapd.conf; fix: in DIR/imapd.conf: aps_topic: and the topic that xapplepush cert show tells',
    ],
    [
      'without notify_external',
      () => withOption('notify_external'),
      'does not work: notifyd starts nothing: notify_external is not set in DIR/imapd.conf; fix: in DIR/imapd.conf: notify_external: /usr/bin/xapplepush, or where that is',
    ],
    [
      'with a notify_external that is not there',
      () => withOption('notify_external', '/none/xapplepush'),
      'does not work: notifyd cannot start /none/xapplepush, of notify_external in DIR/imapd.conf: it is not there; fix: in DIR/imapd.conf: notify_external: /usr/bin/xapplepush, or where that is',
    ],
    [
      'with an option that is set twice',
      () => `${whole()}event_notifier: external\n`,
      'works, but DIR/imapd.conf:6: event_notifier is set a second time, after DIR/imapd.conf:1: Cyrus does not start; fix: remove one of the two lines: DIR/imapd.conf:1 or DIR/imapd.conf:6',
    ],
    [
      'with commas',
      () => withOption('event_groups', 'applepushservice, message, flags'),
      'works, but DIR/imapd.conf:5: event_groups: applepushservice, message, flags: Cyrus separates groups by spaces, not by commas, and does not start; fix: DIR/imapd.conf:5: event_groups: applepushservice message flags',
    ],
    [
      'without notifyd',
      () => `${whole()}notifysocket: /run/none/notify\n`,
      'does not work: notifyd does not run: nobody listens on /run/none/notify; fix: start Cyrus, with notifyd in SERVICES of cyrus.conf',
    ],
    [
      'with a user that is not there',
      () => withOption('cyrus_user', 'nobody-of-that-name'),
      'does not work: there is no user nobody-of-that-name for Cyrus to run as; fix: set cyrus_user in imapd.conf to it',
    ],
    [
      'with a socket that is not that of serve',
      () => `${whole()}notifysocket: dlist:/run/other.sock\n`,
      'does not work: Cyrus tells dlist:/run/other.sock, and serve.cyrus_socket is not set; fix: set serve.cyrus_socket to /run/other.sock, and run serve',
    ],
  ];
  test.each(cases)('%s', async (_, text, expected) => {
    await deliverOne();
    imapdConf(text());
    expect(await firstLine()).toBe(expected);
  });

  test('for which serve does not run', async () => {
    await deliverOne();
    const socket = join(sandbox.dir, 'cyrus.sock');
    configure(sandbox, `${configFor(apns)}serve: { cyrus_socket: ${socket} }\n`);
    imapdConf(`${whole()}notifysocket: dlist:${socket}\n`);
    expect(await firstLine()).toBe(
      'does not work: serve is not running, and only it answers on DIR/cyrus.sock; fix: start xapplepush serve',
    );
  });

  test('that nobody has configured, before and after its devices', async () => {
    await deliverOne();
    rmSync(join(sandbox.dir, 'imapd.conf'));
    expect(await firstLine()).toMatch(
      /^works, but there is no DIR\/imapd\.conf, and devices came by Cyrus; fix: /,
    );
    await sandbox.run(['devices', 'remove', 'alice', '--all']);
    expect(await firstLine()).toMatch(
      /^does not work: no mail server tells of mail: there is no DIR\/imapd\.conf, serve\.http is not set, and no device came by Dovecot; .*fix: for Cyrus, set imapd_conf to its file; for Dovecot/,
    );
  });

  test('that offers no push to devices, of which there are none', async () => {
    await sandbox.run(['devices', 'remove', 'alice', '--all']);
    imapdConf(withOption('aps_topic'));
    expect(await firstLine()).toMatch(/^does not work: no device can register: aps_topic is not set /);
  });

  test('whose imapd.conf cannot be read', async () => {
    await deliverOne();
    rmSync(join(sandbox.dir, 'imapd.conf'));
    mkdirSync(join(sandbox.dir, 'imapd.conf'));
    expect(await firstLine()).toMatch(
      /^does not work: cannot read Cyrus's configuration DIR\/imapd\.conf: .*; fix: /,
    );
  });
});

describe('the user of the mail server', () => {
  beforeEach(async () => {
    await deliverOne();
    chmodSync(sandbox.dir, 0o755);
    for (const name of ['', 'x.db', 'x.db-wal', 'x.db-shm', 'spool', 'spool/new'])
      chownIfThere(join(sandbox.dir, name));
    chownIfThere(apns.files.clientKey);
    chmodSync(apns.dir, 0o755);
    imapdConf(withOption('cyrus_user', String(CYRUS)));
  });

  function chownIfThere(path: string): void {
    try {
      chownSync(path, CYRUS, CYRUS);
    } catch {
      // it was not needed yet
    }
  }

  testAsRoot('has all that it needs', async () => {
    expect(await firstLine()).toBe('works');
  });

  testAsRoot('cannot read the configuration', async () => {
    chmodSync(sandbox.configFile, 0o600);
    expect(await firstLine()).toBe(
      `does not work: user id ${CYRUS} may not read DIR/config.yaml; fix: chgrp ${CYRUS} DIR/config.yaml && chmod g+r DIR/config.yaml`,
    );
  });

  testAsRoot('cannot read the key', async () => {
    chownSync(apns.files.clientKey, 0, 0);
    chmodSync(apns.files.clientKey, 0o600);
    expect(await firstLine()).toContain(`user id ${CYRUS} may not read ${apns.files.clientKey}`);
  });

  testAsRoot('cannot read the password of the proxy', async () => {
    const password = join(sandbox.dir, 'proxy-password');
    writeFileSync(password, 'alice:sesame\n', { mode: 0o600 });
    const proxy = `  proxy: http://127.0.0.1:3128\n  proxy_password_file: ${password}\n`;
    configure(sandbox, configFor(apns) + proxy);
    expect(await firstLine()).toContain(`user id ${CYRUS} may not read DIR/proxy-password`);
  });

  testAsRoot('cannot write to the folder of the database', async () => {
    chownSync(sandbox.dir, 0, 0);
    expect(await firstLine()).toBe(
      `does not work: user id ${CYRUS} may not write into DIR; fix: chown ${CYRUS}:${CYRUS} DIR`,
    );
  });

  testAsRoot('may not enter it', async () => {
    chownSync(sandbox.dir, 0, 0);
    chmodSync(sandbox.dir, 0o700);
    expect(await firstLine()).toBe(
      `does not work: user id ${CYRUS} may not enter DIR; user id ${CYRUS} may not write into DIR; fix: chmod o+x DIR; chown ${CYRUS}:${CYRUS} DIR`,
    );
  });

  testAsRoot('cannot write to the database', async () => {
    chownSync(sandbox.store, 0, 0);
    expect(await firstLine()).toBe(
      `does not work: user id ${CYRUS} may not write to DIR/x.db; fix: chown ${CYRUS}:${CYRUS} DIR/x.db`,
    );
  });

  testAsRoot('cannot write to the spool, which matters little, or where all events go there', async () => {
    mkdirSync(sandbox.spool, { recursive: true });
    chownSync(sandbox.spool, 0, 0);
    expect(await firstLine()).toBe(
      `works, but user id ${CYRUS} may not write into DIR/spool; fix: chown ${CYRUS}:${CYRUS} DIR/spool`,
    );
    const spooler = join(sandbox.dir, 'spooler');
    symlinkSync(COMMAND.replace(/xapplepush$/, 'xapplepush-spool'), spooler);
    imapdConf(withOption('notify_external', spooler).replace(/^cyrus_user: .*$/m, `cyrus_user: ${CYRUS}`));
    expect(await firstLine()).toMatch(`does not work: user id ${CYRUS} may not write into DIR/spool; `);
  });

  testAsRoot('cannot execute the program', async () => {
    const program = join(sandbox.dir, 'program');
    writeFileSync(program, '#!/bin/sh\n', { mode: 0o700 });
    imapdConf(withOption('notify_external', program).replace(/^cyrus_user: .*$/m, `cyrus_user: ${CYRUS}`));
    expect(await firstLine()).toBe(
      `does not work: user id ${CYRUS} may not execute DIR/program; fix: chmod a+rx DIR/program`,
    );
  });
});

describe('the database', () => {
  test('is locked, and events are in the spool', async () => {
    await deliverOne();
    holdWriteLock(sandbox.store);
    writeSpool(sandbox.spool, Buffer.from(messageNew()), Date.now());
    expect(await firstLine()).toMatch(/^does not work: database DIR\/x\.db is locked by another process/);
  });

  testWithMounts('is on a disk that is read-only', async () => {
    const disk = mountSmallDisk(join(sandbox.dir, 'disk'), { bytes: 512 * 1024 });
    const store = join(disk.path, 'x.db');
    configure({ ...sandbox, store }, configFor(apns));
    await sandbox.run([], { input: registration() });
    try {
      execFileSync('mount', ['-o', 'remount,ro', disk.path], { stdio: 'pipe' });
      expect(await firstLine()).toMatch(
        /^does not work: (database )?DIR\/disk.* is on a file system that is read-only/,
      );
      expect(await firstLine()).not.toContain('chown');
    } finally {
      disk.unmount();
    }
  });

  testWithMounts('is on a disk that is full', async () => {
    const disk = mountSmallDisk(join(sandbox.dir, 'disk'), { bytes: 512 * 1024 });
    const store = join(disk.path, 'x.db');
    configure({ ...sandbox, store }, configFor(apns));
    await sandbox.run([], { input: registration() });
    const other = connect(store); // else SQLite would need room for its shared memory
    try {
      other.pragma('user_version');
      fill(join(disk.path, 'more'));
      expect(await firstLine()).toMatch(
        /^does not work: no space left for database DIR\/disk\/x\.db; .*fix: make room on its file system/,
      );
    } finally {
      other.close();
      disk.unmount();
    }
  });

  function fill(file: string): void {
    try {
      for (let n = 0; ; n += 1) writeFileSync(`${file}${n}`, Buffer.alloc(4096));
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
    }
  }
});

describe('devices', () => {
  test('have no push yet', async () => {
    expect(await firstLine()).toBe(
      'does not work: no push has been sent yet; fix: xapplepush push USER sends one',
    );
  });

  test('are all removed', async () => {
    await sandbox.run(['devices', 'remove', 'alice', '--all']);
    expect(await firstLine()).toMatch(
      /^does not work: no device is registered any more: all were removed; fix: /,
    );
  });

  test('are more than users', async () => {
    await sandbox.run([], { input: registration({ apsDeviceToken: 'ab'.repeat(32) }) });
    expect((await sandbox.run(['status'])).stdout).toMatch(/^devices +2, of 1 user, some with several; /m);
  });
});

describe('Apple', () => {
  test('cannot be reached, though it could before', async () => {
    await deliverOne();
    const nobody = configFor(apns).replace(apns.url.host, 'localhost:1');
    configure(sandbox, `${nobody}delivery: { deadline: 1s }\n`);
    await deliverOne();
    expect(await firstLine()).toMatch(
      /^does not work: Apple cannot be reached \(.*ECONNREFUSED.*\); fix: let this host reach apns\.server, /,
    );
  });

  test('would be sent a certificate that cannot be used', async () => {
    await deliverOne();
    writeFileSync(apns.files.clientCertificate, 'none');
    expect(await firstLine()).toMatch(/^does not work: .*client\.pem.*; fix: /);
  });
});
