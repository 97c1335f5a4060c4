import {
  chownSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { eventually } from '../support/command.ts';
import { liveProcesses } from '../support/cyrus-processes.ts';
import { message } from '../support/cyrus-host.ts';
import { commandFragment, spoolFragment } from '../support/dovecot-config.ts';
import { createDovecotHost, type DovecotHost, makeSpool } from '../support/dovecot-host.ts';
import { dovecotInstallation, MAIL_USER } from '../support/dovecot-installation.ts';
import { describeWithDovecot, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { tokenNumber } from '../support/events.ts';
import { deliver } from '../support/lmtp.ts';
import { forget } from '../support/pushes.ts';
import { mountSmallDisk } from '../support/small-disk.ts';

const USERS = Array.from({ length: 5 }, (_, n) => `user${n}`);

/** Delivers so many messages, over several connections at a time; gives how long each reply took, sorted. */
async function burst(dovecot: Dovecot, count: number, connections: number): Promise<number[]> {
  const tookMs: number[] = [];
  let next = 0;
  const deliverNext = async (): Promise<void> => {
    for (let n; (n = next++) < count;) {
      const user = USERS[n % USERS.length] ?? '';
      const [reply] = await deliver(dovecot.lmtpPort, 'bob@example.net', [user], message(`burst ${n}`));
      expect(reply?.code).toBe(250);
      tookMs.push(reply?.tookMs ?? NaN);
    }
  };
  await Promise.all(Array.from({ length: connections }, deliverNext));
  return tookMs.sort((a, b) => a - b);
}

/** How many messages are in the INBOX of all users. */
function stored({ dir }: Dovecot): number {
  const counts = USERS.map((user) => {
    const folder = join(dir, 'mail', user, 'Maildir/new');
    return existsSync(folder) ? readdirSync(folder).length : 0;
  });
  return counts.reduce((sum, count) => sum + count, 0);
}

/** What our scripts warned of, as soon as it is that much: a process of its own writes Dovecot's log. */
function warningsOf(server: Dovecot, count: number): Promise<string[]> {
  return eventually(
    () => server.log().match(/Warning: xapplepush: .*/g) ?? [],
    (warnings) => warnings.length >= count,
  );
}

function show(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** The setting in either form of the configuration. */
const COMMAND_LINE = /(^ +(?:xapplepush_)?command = .*)/m;

describeWithDovecot('a Dovecot', () => {
  let host: DovecotHost;
  let spool: string;
  let dovecot: Dovecot | undefined;

  /** Starts one that is stopped after the test. */
  const start = async (configuration: (script: (name: string) => string) => string): Promise<Dovecot> => {
    dovecot = await startDovecot({ configuration, directories: [host.sandbox.dir] });
    return dovecot;
  };
  const startWithSpool = (path: string): Promise<Dovecot> =>
    start((script) => spoolFragment(script('push.lua'), path));

  beforeAll(async () => {
    host = await createDovecotHost('delivery: { linger: 1s, throttle: 0s, housekeeping_delay: 0s }\n');
    spool = host.sandbox.spool;
    for (const [n, user] of USERS.entries()) {
      const registration = {
        ApsAccountId: `0715A26B-CA09-4730-A419-79300000000${n}`,
        ApsDeviceToken: tokenNumber(n),
        ApsSubtopic: 'com.apple.mobilemail',
        Username: user,
        Mailboxes: ['INBOX'],
      };
      const { exitCode } = await host.sandbox.run([], { input: JSON.stringify(registration) });
      expect(exitCode).toBe(0);
    }
  });
  afterAll(() => host.close());
  afterEach(async () => {
    await dovecot?.stop();
    dovecot = undefined;
    rmSync(spool, { recursive: true });
    makeSpool(spool);
  });

  test('a burst of 500 deliveries loses no event', async () => {
    const count = 500;
    const server = await startWithSpool(spool);
    await burst(server, count, 8);
    expect(stored(server)).toBe(count);
    const names = readdirSync(join(spool, 'new'));
    expect(names).toHaveLength(count);
    for (const name of names) expect(name).toMatch(/^\d{10}\.[0-9a-f]{16}\.json$/);
    const users = names.map(
      (name) => (JSON.parse(readFileSync(join(spool, 'new', name), 'utf8')) as { user: string }).user,
    );
    for (const user of USERS)
      expect(users.filter((each) => each === user)).toHaveLength(count / USERS.length);
    expect(readdirSync(join(spool, 'tmp'))).toEqual([]);

    const { exitCode, stdout } = await host.sandbox.run(['flush', '--json']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ spool: { taken: count, bad: 0 }, waiting: 0 });
    expect(new Set(host.apns.received.map(({ deviceToken }) => deviceToken))).toEqual(
      new Set(USERS.map((_user, n) => tokenNumber(n))),
    );
  }, 120_000);

  test('several readers at once take each file of a burst once', async () => {
    const count = 200;
    await burst(await startWithSpool(spool), count, 8);
    const runs = await Promise.all([1, 2, 3].map(() => host.sandbox.run(['flush', '--json'])));
    const reports = runs.map(
      ({ stdout }) => (JSON.parse(stdout) as { spool: { taken: number; bad: number } }).spool,
    );
    expect(reports.reduce((sum, { taken }) => sum + taken, 0)).toBe(count);
    expect(reports.reduce((sum, { bad }) => sum + bad, 0)).toBe(0);
  }, 60_000);

  describe('with a broken spool', () => {
    const uid = (): number => dovecotInstallation().uid;
    const broken: [what: string, make: () => string][] = [
      ['that does not exist', () => join(spool, 'none')],
      [
        'that may not be written',
        () => {
          for (const folder of ['tmp', 'new']) chownSync(join(spool, folder), 0, 0);
          return spool;
        },
      ],
      [
        'whose new/ may not be written',
        () => {
          chownSync(join(spool, 'new'), 0, 0);
          return spool;
        },
      ],
      [
        'that is a file',
        () => {
          writeFileSync(join(spool, 'file'), '');
          return join(spool, 'file');
        },
      ],
      [
        'that is full',
        () => {
          const disk = mountSmallDisk(join(host.sandbox.dir, 'disk'), { uid: uid() });
          onTestFinished(() => {
            disk.unmount();
            rmSync(disk.path, { recursive: true });
          });
          makeSpool(disk.path);
          const fill = (): void => writeFileSync(join(disk.path, 'ballast'), Buffer.alloc(1024 * 1024));
          expect(fill).toThrow(/ENOSPC/);
          return disk.path;
        },
      ],
    ];

    test.each(broken)('%s, every delivery succeeds and is stored', async (what, make) => {
      const count = 40;
      const path = make();
      const server = await startWithSpool(path);
      const tookMs = await burst(server, count, 4);
      expect(stored(server)).toBe(count);
      const warnings = await warningsOf(server, count);
      for (const warning of warnings) expect(warning).toContain(`event not kept in ${path}: `);
      expect(server.log()).not.toMatch(/Panic|Fatal|Error/);
      for (const folder of ['tmp', 'new'])
        if (existsSync(join(path, folder))) expect(readdirSync(join(path, folder))).toEqual([]);
      expect(warnings).toHaveLength(count);
      show(`spool ${what}: slowest LMTP reply ${tookMs.at(-1)?.toFixed(1)} ms`);
    });
  });

  describe('with push-exec.lua', () => {
    const startWithCommand = (command: string, change = (text: string) => text): Promise<Dovecot> =>
      start((script) => change(commandFragment(script('push-exec.lua'), command)));
    const marker = (): string => join(host.sandbox.dir, 'marker');
    /** A command that leaves a trace and its user's number. */
    const tracing = (): string => {
      const command = join(host.sandbox.dir, 'tracing');
      writeFileSync(command, `#!/bin/sh\nid -u >> ${marker()}\ncat >> ${marker()}\n`, { mode: 0o755 });
      return command;
    };
    afterEach(() => {
      rmSync(marker(), { force: true });
    });

    test('a burst loses no event', async () => {
      const count = 40;
      const seen = (): number => host.log().split('"enqueued"').length - 1;
      const before = seen();
      const server = await startWithCommand(host.command);
      await burst(server, count, 4);
      expect(stored(server)).toBe(count);
      expect(seen() - before).toBe(count);
      expect(server.log()).not.toMatch(/Warning|Error|Panic|Fatal/);
    }, 60_000);

    test('the process that talks to Apple keeps nothing of Dovecot’s open', async () => {
      const server = await startWithCommand(host.command, keepLmtp);
      // Whoever still sends for the test before would take this event along, and perhaps in a push that was sent already.
      await eventually(
        () => host.sandbox.deliverers(),
        (pids) => pids.length === 0,
      );
      host.apns.setAnswers('*', ['silent']);
      forget(host.apns);
      await burst(server, 1, 1);
      await eventually(
        () => host.apns.received.length,
        (pushes) => pushes > 0,
      );
      const [pid] = host.sandbox.deliverers();
      host.apns.setAnswers('*', ['200']);
      const open = descriptorsOf(pid ?? 0);
      expect(open.slice(0, 3)).toEqual(['/dev/null', '/dev/null', '/dev/null']);
      const ofDovecot = new Set(lmtpProcesses(server.dir).flatMap(descriptorsOf).filter(isUnique));
      expect([...ofDovecot].filter((path) => path.startsWith('socket:')).length).toBeGreaterThan(0);
      expect(open.filter((path) => ofDovecot.has(path))).toEqual([]);
    });

    test('the command runs as the user of the mail', async () => {
      await burst(await startWithCommand(tracing()), 1, 1);
      expect(readFileSync(marker(), 'utf8')).toBe(
        `${dovecotInstallation().uid}\n{"dovecot":1,"user":"user0","events":[{"name":"MessageNew","mailbox":"INBOX"}]}\n`,
      );
    });

    test.each([
      ['as root', (text: string) => text.replace(`  user = ${MAIL_USER}\n`, ''), /not run as root/],
      [
        'whose path is more than a path',
        (text: string) => text.replace(COMMAND_LINE, '$1;id'),
        /must be a path/,
      ],
      [
        'that does not exist',
        (text: string) => text.replace(COMMAND_LINE, '$1.none'),
        /none: (exit 127|Broken pipe)/,
      ],
    ])('a command %s is not run, and mail is delivered', async (_what, change, warning) => {
      const command = tracing();
      const server = await startWithCommand(command, change);
      await burst(server, 3, 1);
      expect(stored(server)).toBe(3);
      expect(existsSync(marker())).toBe(false);
      for (const each of await warningsOf(server, 3)) expect(each).toMatch(warning);
    });

    test('without vsz_limit the command cannot start, mail is delivered, and the log says so', async () => {
      const server = await startWithCommand(host.command, (text) => text.replaceAll(/vsz_limit = \w+/g, ''));
      await burst(server, 1, 1);
      expect(stored(server)).toBe(1);
      expect((await warningsOf(server, 1))[0]).toMatch(/xapplepush: \S+command: (exit|signal) \d+/);
    });
  });
});

/** Has LMTP live on after a delivery, as that of 2.3 does: in 2.4 each process serves one client. */
function keepLmtp(configuration: string): string {
  if (dovecotInstallation().version === '2.3') return configuration;
  return `${configuration}\nservice lmtp {\n  restart_request_count = unlimited\n}\n`;
}

/** What the descriptors of a process stand for, in the order of their numbers. */
function descriptorsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  const numbers = readdirSync(folder).map(Number);
  return numbers.sort((a, b) => a - b).map((fd) => readlinkSync(join(folder, String(fd))));
}

/** The LMTP processes of that server: the children of its master. */
function lmtpProcesses(dir: string): number[] {
  const live = liveProcesses();
  const master = live.find(
    ({ command }) =>
      command.startsWith('/') &&
      command.endsWith(`-F -c ${dir}/dovecot.conf`) &&
      !command.includes('timeout'),
  );
  return live
    .filter(({ command, ppid }) => command === 'dovecot/lmtp' && ppid === master?.pid)
    .map(({ pid }) => pid);
}

/** Everybody's /dev/null and epoll look alike. */
function isUnique(path: string): boolean {
  return path !== '/dev/null' && !path.startsWith('anon_inode:');
}
