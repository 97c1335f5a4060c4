import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { MockFiles } from '../../src/apns/mock/ca.ts';
import { type ClientOptions, issueClientCertificate } from '../../src/apns/credentials/pki.ts';
import { check } from '../../src/check/check.ts';
import type { DoveconfRun } from '../../src/check/dovecot/run-doveconf.ts';
import type { Point } from '../../src/check/point.ts';
import type { CheckOptions } from '../../src/check/options.ts';
import type { MailUser } from '../../src/process/mail-user.ts';
import type { ExitCode } from '../../src/process/errors.ts';
import { VERSION } from '../../src/process/installation.ts';
import { configFor, type MockApns } from '../support/apns.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { temporaryFolder } from '../support/store.ts';

export const IS_ROOT = process.geteuid?.() === 0;

/** Debian's nobody(5), whom root can become; without root the tests run as whoever they are. */
export const USER: MailUser = IS_ROOT
  ? { called: 'user nobody', uid: 65534, gid: 65534, gids: [65534], owner: 'nobody', group: 'nogroup' }
  : {
      called: `user ${userInfo().username}`,
      uid: userInfo().uid,
      gid: userInfo().gid,
      gids: process.getgroups?.() ?? [],
      ...{ owner: userInfo().username, group: String(userInfo().gid) },
    };

const DAY_MS = 24 * 3600 * 1000;

/** A user name that can stand in imapd.conf. */
export const USER_NAME = USER.called.replace('user ', '');

/** Lets the mail user have it. */
export function give(path: string): string {
  if (IS_ROOT) chownSync(path, USER.uid, USER.gid);
  return path;
}

/** A file of the mail user. */
export function file(path: string, content: string, mode = 0o600): string {
  writeFileSync(path, content);
  chmodSync(path, mode);
  return give(path);
}

export interface Setup {
  dir: string;
  configFile: string;
  store: string;
  spool: string;
  imapdConf: string;
  /** Takes the place of a line of imapd.conf, or removes it. */
  imapd(options: Record<string, string | undefined>): void;
  /** Adds lines to the configuration. */
  configure(yaml: string): void;
  clock: TestClock;
  /** What doveconf says; undefined where there is no Dovecot. */
  dovecot: DoveconfRun | undefined;
  run(more?: Partial<CheckOptions>): Promise<{ points: Point[]; exitCode: ExitCode }>;
}

/** A set-up with which everything is well, for that stand-in. */
export async function goodSetup(mock: MockApns): Promise<Setup> {
  const dir = give(temporaryFolder());
  await listenAsNotifyd(join(dir, 'notify'));
  for (const path of [mock.files.clientKey, mock.files.clientCertificate, mock.dir]) give(path);
  const imapdConf = join(dir, 'imapd.conf');
  const options = imapdOptions(dir, mock.topic);
  const [store, spool] = [join(dir, 'lib', 'x.db'), give(makeFolder(join(dir, 'spool')))];
  give(makeFolder(join(dir, 'lib')));
  let yaml = `store: ${store}\nspool: ${spool}\nimapd_conf: ${imapdConf}\nlog: { destination: ${join(dir, 'log')} }\n`;
  yaml += configFor(mock);
  const configFile = join(dir, 'config.yaml');
  const setup: Setup = {
    ...{ dir, configFile, store, spool, imapdConf },
    imapd: (changes) => {
      Object.assign(options, changes);
      const lines = Object.entries(options).flatMap(([name, value]) =>
        value === undefined ? [] : [`${name}: ${value}\n`],
      );
      file(imapdConf, lines.join(''));
    },
    configure: (more) => {
      yaml += more;
      file(configFile, yaml);
    },
    clock: createTestClock(Date.now()),
    dovecot: undefined,
    run: (more) =>
      check({
        ...{ configFile, environment: {}, clock: setup.clock, timeoutMs: 10_000 },
        ...{ actAsOwnerOf: () => undefined, canChangeUser: () => true, runDoveconf: () => setup.dovecot },
        ...{ installedMs: 0, temporaryFolders: [], systemRoot: join(dir, 'root') },
        ...more,
      }),
  };
  mkdirSync(join(dir, 'root/etc'), { recursive: true });
  writeFileSync(join(dir, 'root/etc/crontab'), '*/5 * * * * cyrus /usr/bin/xapplepush flush\n');
  setup.imapd({});
  setup.configure('');
  return setup;
}

function listenAsNotifyd(path: string): Promise<void> {
  const server = createServer();
  onTestFinished(() => {
    server.close();
  });
  return new Promise((resolve) => server.listen(path, resolve));
}

function makeFolder(path: string): string {
  mkdirSync(path, { mode: 0o750 });
  return path;
}

function imapdOptions(dir: string, topic: string): Record<string, string | undefined> {
  const launcher = file(join(dir, 'xapplepush'), `#!/bin/sh\necho ${VERSION}\n`, 0o755);
  return {
    cyrus_user: USER_NAME,
    event_notifier: 'external',
    event_groups: 'applepushservice message flags',
    notify_external: launcher,
    aps_topic: topic,
    notifysocket: join(dir, 'notify'),
    tls_server_cert: '/etc/ssl/cert.pem',
  };
}

/** The points of that name, as `state: text`. */
export function said(points: readonly Point[], name: string): string[] {
  return points.filter(({ point }) => point === name).map(({ state, text }) => `${state}: ${text}`);
}

/** What is not ok, as `point: state`. */
export function notOk(points: readonly Point[]): string[] {
  return points.filter(({ state }) => state !== 'ok').map(({ point, state }) => `${point}: ${state}`);
}

/** A certificate with its key for that topic, of that authority. */
export function certificateFor(
  files: MockFiles,
  topic: string,
  days = 365,
  environments?: ClientOptions['environments'],
): string {
  const authority = {
    certificatePem: readFileSync(files.ca, 'utf8'),
    keyPem: readFileSync(files.caKey, 'utf8'),
  };
  const nowMs = Date.now();
  const validity = { notBefore: new Date(nowMs - 400 * DAY_MS), notAfter: new Date(nowMs + days * DAY_MS) };
  const { certificatePem, keyPem } = issueClientCertificate(authority, {
    ...{ topic, topics: [topic], validity },
    ...(environments && { environments }),
  });
  const file = join(temporaryFolder(), 'client.pem');
  writeFileSync(file, certificatePem + keyPem);
  return file;
}
