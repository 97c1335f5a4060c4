import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { PointState } from '../src/check/point.ts';
import { connect } from '../src/store/sqlite/driver.ts';
import { startTestApns, type TestApns } from './support/apns.ts';
import { createHost, type HostSetup, MAIL_USER, type RunOptions, STRANGER } from './support/broken-setup.ts';
import { certificateFor } from './check/setup.ts';
import { messageNew, registration } from './support/events.ts';
import { load } from './support/load.ts';
import { describeAsRoot } from './support/needs.ts';
import { mountSmallDisk } from './support/small-disk.ts';
import { holdWriteLock } from './support/store.ts';

/*
 * Set-ups that are broken for real, in files, owners, sockets, clocks and disks: what the failing command says, with its
 * exit code, and what check says. Before it is broken, each is a set-up that works and has a device, unless `isNew`.
 */
interface Broken {
  title: string;
  isNew?: true;
  /** Breaks it; gives what has to be taken back before the folder can be removed. */
  broken: (host: HostSetup) => unknown;
  /** What a command says of it, on standard error, and its exit code. */
  command?: { args: string[] | 'event'; as?: RunOptions['as']; says: RegExp; hint: RegExp; exitCode: number };
  /** What check says of it, and its exit code. */
  point: string;
  state: PointState;
  text: RegExp;
  /** With HOST for the folder of the set-up. */
  fix?: string | RegExp;
  checkExit: number;
  checkedBy?: RunOptions['as'];
}

const LIST = ['devices', 'list'];
const DAY_MS = 24 * 3600 * 1000;
const OWNER = `${MAIL_USER.name}:${MAIL_USER.group}`;

const FILES: Broken[] = [
  {
    title: 'no database yet',
    isNew: true,
    broken: () => undefined,
    command: {
      args: LIST,
      says: /there is no database HOST\/lib\/x\.db yet$/m,
      hint: /xapplepush check/,
      exitCode: 75,
    },
    ...{ point: 'database', state: 'ok', text: /the first registration makes it/, checkExit: 0 },
  },
  {
    title: 'an empty database',
    isNew: true,
    broken: ({ store, give }) => {
      writeFileSync(store, '');
      give(store);
    },
    command: {
      args: 'event',
      says: /database HOST\/lib\/x\.db is empty: 0 bytes; the event is kept/,
      hint: /rm HOST\/lib\/x\.db/,
      exitCode: 75,
    },
    ...{ point: 'database', state: 'problem', text: /is empty: 0 bytes/, checkExit: 1 },
  },
  {
    title: 'an empty certificate',
    broken: ({ certificate }) => writeFileSync(certificate, ''),
    command: {
      args: ['push', 'alice'],
      says: /client\.pem is empty: 0 bytes$/m,
      hint: /as PEM or as a \.p12/,
      exitCode: 78,
    },
    ...{ point: 'credential', state: 'problem', text: /client\.pem is empty: 0 bytes/, checkExit: 1 },
  },
  {
    title: "an IMAP server's certificate",
    broken: ({ certificate, key }) => {
      const subject = ['-subj', '/CN=mail.example.org', '-addext', 'extendedKeyUsage=serverAuth'];
      const files = ['-keyout', key, '-out', certificate];
      execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...files, ...subject], {
        stdio: 'pipe',
      });
    },
    command: {
      args: ['push', 'alice'],
      says: /is that of a TLS server \(mail\.example\.org\), not one for Mail pushes/,
      hint: /com\.apple\.mail\.XServer/,
      exitCode: 78,
    },
    ...{ point: 'credential', state: 'problem', text: /is that of a TLS server/, checkExit: 1 },
  },
  {
    title: 'a key that everybody can read',
    broken: ({ key }) => chmodSync(key, 0o644),
    ...{
      point: 'secret files',
      state: 'warning',
      text: /everybody on this host can read HOST\/keys\/client\.key/,
      fix: 'chmod 0640 HOST/keys/client.key',
      checkExit: 0,
    },
  },
  {
    title: 'an option of imapd.conf that is set twice',
    broken: ({ imapdConf }) => appendFileSync(imapdConf, 'event_groups: message\n'),
    ...{
      point: 'imapd.conf',
      state: 'problem',
      text: /^HOST\/imapd\.conf:9: event_groups is set a second time, after HOST\/imapd\.conf:4: Cyrus does not start$/,
      checkExit: 1,
    },
  },
  {
    title: 'groups with commas',
    broken: (host) =>
      change(host.imapdConf, 'applepushservice message flags', 'applepushservice, message, flags'),
    ...{
      point: 'imapd.conf',
      state: 'problem',
      text: /by spaces, not by commas, and does not start/,
      fix: 'HOST/imapd.conf:4: event_groups: applepushservice message flags',
      checkExit: 1,
    },
  },
  {
    title: 'no notifyd in cyrus.conf',
    broken: (host) => change(host.cyrusConf, '  notify ', '# notify '),
    ...{
      point: 'cyrus.conf',
      state: 'problem',
      text: /no service starts notifyd/,
      fix: /^in HOST\/cyrus\.conf, SERVICES: notify cmd="notifyd" listen="HOST\/notify"/,
      checkExit: 1,
    },
  },
  {
    title: 'a store in a temporary folder',
    broken: () => undefined,
    ...{
      point: 'temporary place',
      state: 'warning',
      text: /PrivateTmp=yes.*store \(HOST\/lib\/x\.db\)/,
      checkExit: 0,
    },
  },
];

const OWNERS: Broken[] = [
  {
    title: 'a database of root',
    broken: ({ store }) => chownSync(store, 0, 0),
    command: {
      args: 'event',
      says: /user nobody may not read database file HOST\/lib\/x\.db; the event is kept/,
      hint: new RegExp(`chown ${OWNER} HOST/lib/x\\.db`),
      exitCode: 75,
    },
    ...{
      point: 'database folder',
      state: 'problem',
      text: /user nobody may not write to HOST\/lib\/x\.db/,
      fix: `chown ${OWNER} HOST/lib/x.db`,
      checkExit: 1,
    },
  },
  {
    title: 'a log of root',
    broken: ({ log }) => {
      writeFileSync(log, '');
      chownSync(log, 0, 0);
    },
    ...{
      point: 'log',
      state: 'problem',
      text: /user nobody may not write to HOST\/lib\/log/,
      fix: `chown ${OWNER} HOST/lib/log`,
      checkExit: 1,
    },
  },
  {
    title: 'a configuration of root',
    broken: ({ configFile }) => chmodSync(configFile, 0o600),
    command: {
      args: LIST,
      as: MAIL_USER,
      says: /user nobody may not read the configuration HOST\/config\.yaml$/m,
      hint: /chgrp nogroup HOST\/config\.yaml && chmod g\+r HOST\/config\.yaml/,
      exitCode: 78,
    },
    ...{
      point: 'files to read',
      state: 'problem',
      text: /user nobody may not read HOST\/config\.yaml/,
      fix: 'chgrp nogroup HOST/config.yaml && chmod g+r HOST/config.yaml',
      checkExit: 1,
    },
  },
  {
    title: 'an ordinary user who lists',
    broken: () => undefined,
    command: {
      args: LIST,
      as: STRANGER,
      says: /user daemon may not enter HOST\/lib, on the way to database HOST\/lib\/x\.db$/m,
      hint: /as root, or as user nobody/,
      exitCode: 75,
    },
    ...{
      point: 'mail user',
      state: 'warning',
      text: /this check runs as user daemon and cannot try files as user nobody/,
      fix: /run it as root/,
      checkExit: 0,
      checkedBy: STRANGER,
    },
  },
  {
    title: 'an ordinary user who reads the log',
    broken: () => undefined,
    command: {
      args: ['log'],
      as: STRANGER,
      says: /user daemon may not read the history in HOST\/lib\/x\.history$/m,
      hint: /as root, or as user nobody/,
      exitCode: 75,
    },
    ...{
      point: 'database',
      state: 'skipped',
      text: /needs first: mail user/,
      checkExit: 0,
      checkedBy: STRANGER,
    },
  },
  {
    title: 'a folder of the program that is closed',
    broken: ({ program }) => chmodSync(join(program, 'node_modules'), 0o700),
    command: {
      args: 'event',
      says: /user nobody may not enter HOST\/program\/node_modules, which is part of this program/,
      hint: /chmod -R a\+rX HOST\/program/,
      exitCode: 75,
    },
    ...{
      point: 'database',
      state: 'problem',
      text: /may not enter HOST\/program\/node_modules/,
      fix: /chmod -R a\+rX HOST\/program/,
      checkExit: 1,
    },
  },
  {
    title: 'a program in a folder that is closed',
    broken: ({ program }) => chmodSync(program, 0o700),
    command: {
      args: 'event',
      says: /user nobody may not enter HOST\/program, which is part of this program/,
      hint: /chmod -R a\+rX HOST\/program/,
      exitCode: 75,
    },
    ...{
      point: 'notify_external',
      state: 'problem',
      text: /it may not enter HOST\/program$/,
      fix: /chmod o\+x HOST\/program/,
      checkExit: 1,
    },
  },
  {
    title: 'a program that is closed',
    broken: ({ program }) => chmodSync(join(program, 'dist'), 0o700),
    command: {
      args: LIST,
      as: MAIL_USER,
      says: /user nobody may not read HOST\/program\/dist\/main\.cjs/,
      hint: /chmod -R a\+rX HOST\/program/,
      exitCode: 78,
    },
    ...{
      point: 'handler',
      state: 'problem',
      text: /user nobody may not read HOST\/program\/dist\/main\.cjs/,
      fix: /chmod -R a\+rX HOST\/program$/,
      checkExit: 1,
    },
  },
  {
    title: 'a program that is not built',
    broken: ({ program }) => rmSync(join(program, 'dist'), { recursive: true }),
    command: {
      args: LIST,
      says: /there is no HOST\/program\/dist\/main\.cjs: the program is not built/,
      hint: /npm ci && npm run build/,
      exitCode: 78,
    },
    ...{ point: '', state: 'problem', text: /./, checkExit: 78 },
  },
];

const LOCKS: Broken[] = [
  {
    title: 'a database that another process holds',
    broken: ({ store }) => {
      holdWriteLock(store);
      return undefined;
    },
    ...{
      point: 'database',
      state: 'problem',
      text: /database HOST\/lib\/x\.db is locked by another process/,
      fix: /fuser HOST\/lib\/x\.db/,
      checkExit: 1,
    },
  },
];

const SOCKETS: Broken[] = [
  {
    title: 'a socket that notifyd has left',
    broken: ({ killNotifyd }) => killNotifyd(),
    ...{
      point: 'notifysocket',
      state: 'problem',
      text: /nobody listens on HOST\/notify: notifyd does not run/,
      fix: /start Cyrus/,
      checkExit: 1,
    },
  },
  {
    title: 'no socket of notifyd',
    broken: ({ socket }) => rmSync(socket),
    ...{
      point: 'notifysocket',
      state: 'problem',
      text: /there is no HOST\/notify: notifyd does not run/,
      checkExit: 1,
    },
  },
  {
    title: 'nobody comes for what waits',
    broken: (host) => change(host.cyrusConf, '  xapplepush ', '# xapplepush '),
    ...{
      point: 'flush',
      state: 'warning',
      text: /nobody runs xapplepush flush, and no serve/,
      fix: /EVENTS: xapplepush cmd=/,
      checkExit: 0,
    },
  },
  {
    title: 'Apple refuses the certificate',
    broken: async (host) => {
      apns.setAnswers('*', ['403/BadCertificate']);
      await host.run(['handle', '--wait'], { input: messageNew() });
      return () => apns.setAnswers('*', ['200']);
    },
    ...{
      point: 'outbox',
      state: 'problem',
      text: /1 push waits, .*: the certificate or token cannot be used \(.*BadCertificate/,
      fix: /xapplepush flush --all/,
      checkExit: 1,
    },
  },
];

const CLOCKS: Broken[] = [
  {
    title: 'a clock that is behind',
    broken: ({ program }) =>
      utimesSync(join(program, 'package.json'), Date.now() / 1000 + 1e8, Date.now() / 1000 + 1e8),
    ...{
      point: 'clock',
      state: 'problem',
      text: /before this program was installed/,
      fix: /timedatectl/,
      checkExit: 1,
    },
  },
  {
    title: 'a certificate that ended years ago',
    broken: ({ certificate, key }) => {
      const file = certificateFor(apns.files, apns.topic, -2000);
      for (const each of [certificate, key]) copyFileSync(file, each);
    },
    command: {
      args: ['push', 'alice'],
      says: /the certificate in HOST\/keys\/client\.pem expired on \d{4}/,
      hint: /see that the clock is right: timedatectl/,
      exitCode: 78,
    },
    ...{
      point: 'clock',
      state: 'warning',
      text: /years after the certificate ended/,
      fix: /timedatectl/,
      checkExit: 1,
    },
  },
  {
    title: 'a last success that is to come',
    broken: ({ store }) => {
      const database = connect(store);
      database.exec(
        `UPDATE targets SET last_push_ms = ${Date.now() + DAY_MS}, last_success_ms = ${Date.now() + DAY_MS}`,
      );
      database.close();
    },
    ...{
      point: 'target times',
      state: 'warning',
      text: /times in the future/,
      fix: /timedatectl/,
      checkExit: 0,
    },
  },
];

const DISKS: Broken[] = [
  {
    title: 'a full disk',
    broken: ({ lib, store }) => {
      const disk = moveToDisk(lib, store);
      const { bavail, bsize } = statfsSync(lib);
      writeFileSync(join(lib, 'other'), Buffer.alloc(bavail * bsize));
      return disk;
    },
    command: {
      args: 'event',
      says: /no space left for database HOST\/lib\/x\.db; the event is kept/,
      hint: /make room on its file system: df -h HOST\/lib/,
      exitCode: 75,
    },
    ...{
      point: 'database',
      state: 'problem',
      text: /no space left for database/,
      fix: /make room/,
      checkExit: 1,
    },
  },
  {
    title: 'a disk that is read-only',
    broken: ({ lib, store }) => {
      const undo = moveToDisk(lib, store);
      execFileSync('mount', ['-o', 'remount,ro', lib], { stdio: 'pipe' });
      return undo;
    },
    command: {
      args: 'event',
      says: /database HOST\/lib\/x\.db is on a file system that is read-only; the event is kept/,
      hint: /mount it for writing/,
      exitCode: 75,
    },
    ...{
      point: 'database folder',
      state: 'problem',
      text: /HOST\/lib is on a file system that is read-only/,
      checkExit: 1,
    },
  },
];

/** A small one in the place of the folder, with the database in it. */
function moveToDisk(lib: string, store: string): () => void {
  const database = readFileSync(store);
  rmSync(lib, { recursive: true });
  const disk = mountSmallDisk(lib, { bytes: 512 * 1024, uid: MAIL_USER.uid, gid: MAIL_USER.gid });
  writeFileSync(store, database, { mode: 0o600 });
  chownSync(store, MAIL_USER.uid, MAIL_USER.gid);
  return () => disk.unmount();
}

function change(file: string, from: string, to: string): void {
  const text = readFileSync(file, 'utf8');
  expect(text).toContain(from);
  writeFileSync(file, text.replace(from, to));
}

let apns: TestApns;
beforeAll(async () => {
  apns = await startTestApns();
});
afterAll(() => apns.close());

describeAsRoot('a set-up that is broken', () => {
  describe.each([
    ['in its files', FILES],
    ['in its owners', OWNERS],
    ['in its sockets', SOCKETS],
    ['in its locks', LOCKS],
    ['in its clock', CLOCKS],
    ['in its disk', DISKS],
  ])('%s', (_subject, table) => {
    test.each(table.filter((_row, index) => index % load(1, 2) === 0))('$title', async (row) => {
      const host = await createHost(apns);
      const undo: (() => void)[] = [];
      onTestFinished(() => {
        for (const each of undo) each();
        host.remove();
      });
      if (row.isNew === undefined)
        expect(await host.run([], { input: registration() })).toMatchObject({ exitCode: 0 });
      const takeBack = await row.broken(host);
      if (typeof takeBack === 'function') undo.push(takeBack as () => void);
      await sayings(row, host);
      await findings(row, host);
    });
  });

  test('says nothing but what is left to do where it is not broken', async () => {
    const host = await createHost(apns);
    onTestFinished(() => host.remove());
    const { points, exitCode } = await host.check();
    const others = points.filter(({ state }) => state !== 'ok').map(({ point }) => point);
    expect(new Set(others)).toEqual(new Set(['temporary place', 'targets']));
    expect(exitCode).toBe(0);
  });

  test('and keeps the event of notifyd where Node cannot start', async () => {
    const host = await createHost(apns);
    onTestFinished(() => host.remove());
    const event = { input: messageNew(), addressSpace: 400_000, as: MAIL_USER };
    const { stderr, exitCode } = await host.run(['-c', 'EVENT', '-p', '1'], event);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: expect.stringMatching(/^xapplepush: error: Node cannot start with 400000 KiB/) as string,
    });
    const [file = ''] = readdirSync(join(host.spool, 'new'));
    expect(readFileSync(join(host.spool, 'new', file), 'utf8')).toBe(messageNew());
  });

  test('by an address space that is too small says so before Node starts', async () => {
    const host = await createHost(apns);
    onTestFinished(() => host.remove());
    const { stderr, exitCode } = await host.run(['status'], { addressSpace: 400_000 });
    expect(stderr).toBe(
      'xapplepush: error: Node cannot start with 400000 KiB of address space (ulimit -v)\n' +
        'xapplepush: hint: allow 2 GiB: ulimit -v 2097152; LimitAS= in a unit of systemd, vsz_limit of a service of Dovecot\n',
    );
    expect(exitCode).toBe(78);
  });
});

/** One error, with one hint. */
async function sayings({ command }: Broken, host: HostSetup): Promise<void> {
  if (command === undefined) return;
  const isEvent = command.args === 'event';
  const { stderr, exitCode } = await host.run(isEvent ? [] : (command.args as string[]), {
    ...(command.as && { as: command.as }),
    ...(isEvent && { input: messageNew() }),
  });
  const said = stderr.replaceAll(host.dir, 'HOST');
  expect(said).toMatch(command.says);
  expect(said).toMatch(new RegExp(`^xapplepush: hint: .*${command.hint.source}`, 'm'));
  expect(said.match(/error: /g), said).toHaveLength(1);
  expect(exitCode).toBe(command.exitCode);
}

async function findings(row: Broken, host: HostSetup): Promise<void> {
  if (row.point === '') return; // no command runs, check neither
  const { points, exitCode } = await host.check(row.checkedBy && { as: row.checkedBy });
  const found = points.filter(({ point }) => point === row.point);
  const texts = found.map(({ state, text }) => `${state}: ${text.replaceAll(host.dir, 'HOST')}`);
  const wanted = found.find(
    ({ state, text }) => state === row.state && row.text.test(text.replaceAll(host.dir, 'HOST')),
  );
  expect(texts).toEqual(wanted === undefined ? [`${row.state}: ${row.text.source}`] : texts);
  const fix = wanted?.fix?.replaceAll(host.dir, 'HOST') ?? null;
  if (typeof row.fix === 'string') expect(fix).toBe(row.fix);
  else if (row.fix !== undefined) expect(fix).toMatch(row.fix);
  expect(exitCode).toBe(row.checkExit);
}
