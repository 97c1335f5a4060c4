import {
  chmodSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { spoolFragment } from '../support/dovecot-config.ts';
import { createDovecotHost, type DovecotHost, makeSpool } from '../support/dovecot-host.ts';
import { dovecotInstallation } from '../support/dovecot-installation.ts';
import { buildPlugin, describeWithPlugin, pluginFolder, pluginFragment } from '../support/dovecot-plugin.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { liveProcesses } from '../support/cyrus-processes.ts';
import { ACCOUNT_ID, tokenNumber } from '../support/events.ts';
import { type ImapClient, loginImap, type RegistrationReply } from '../support/imap.ts';
import { load } from '../support/load.ts';
import { testWithMounts } from '../support/needs.ts';
import { mountSmallDisk } from '../support/small-disk.ts';

const SESSIONS = load(50, 20);
const PER_SESSION = 100;
const KILLED_SESSIONS = 10;

/** What Dovecot says of a file that is a link to itself. */
const LOOP = /^.*Too many levels of symbolic links.*/gm;

describeWithPlugin('our plugin in a real Dovecot, when something fails', () => {
  let host: DovecotHost;
  let spool: string;
  let dovecot: Dovecot;

  beforeAll(async () => {
    host = await createDovecotHost('');
    spool = join(host.sandbox.dir, 'of-plugin');
    const folder = pluginFolder(join(host.sandbox.dir, 'modules'), buildPlugin());
    dovecot = await startDovecot({
      configuration: (script) =>
        `mail_max_userip_connections = 0\n${spoolFragment(script('push.lua'), host.sandbox.spool)}${pluginFragment(folder, host.apns.topic, spool)}`,
    });
  });
  afterAll(async () => {
    await dovecot.stop();
    await host.close();
  });
  beforeEach(() => {
    rmSync(spool, { recursive: true, force: true });
    makeSpool(spool);
  });

  const register = (client: ImapClient, number = 0): Promise<RegistrationReply> =>
    client.registerDevice({
      ...{ accountId: ACCOUNT_ID, deviceToken: tokenNumber(number), version: 2 },
      ...{ subtopic: 'com.apple.mobilemail', mailboxes: ['INBOX'] },
    });
  const errors = (): string[] => dovecot.log().match(/Error: xapplepush: .*/g) ?? [];
  const files = (folder: 'new' | 'tmp'): string[] =>
    readdirSync(join(spool, folder)).map((name) => join(spool, folder, name));
  /** The device tokens in new/, of which each file must be whole. */
  const tokens = (): string[] =>
    files('new').map(
      (file) => (JSON.parse(readFileSync(file, 'utf8')) as { deviceToken: string }).deviceToken,
    );

  /** Somebody is told NO while it is broken, once with the reason in the log, and OK in the same session after. */
  const expectRefused = async (reason: RegExp, mend: () => void): Promise<void> => {
    const before = errors().length;
    const client = await loginImap(dovecot, 'alice');
    const refused = await register(client);
    expect(refused).toMatchObject({ status: 'NO', topic: undefined, mailboxes: [] });
    expect(refused.text).toMatch(/^\[UNAVAILABLE\] Pushes cannot be registered now/);
    await client.command('NOOP');
    mend();
    expect(await register(client)).toMatchObject({ status: 'OK', topic: host.apns.topic });
    await client.close();
    expect([files('new').length, files('tmp').length]).toEqual([1, 0]);
    expect(errors().slice(before)).toEqual([expect.stringMatching(reason)]);
  };

  test.each<[what: string, spoil: () => void, mend: () => void, reason: RegExp]>([
    [
      'a spool that is gone',
      () => renameSync(spool, `${spool}.away`),
      () => renameSync(`${spool}.away`, spool),
      /of-plugin: No such file/,
    ],
    [
      'a spool without new',
      () => rmSync(join(spool, 'new'), { recursive: true }),
      () => makeSpool(spool),
      /No such file/,
    ],
    ['a spool that is closed', () => chmodSync(spool, 0), () => chmodSync(spool, 0o700), /Permission denied/],
    [
      'a tmp that nothing may be put into',
      () => chmodSync(join(spool, 'tmp'), 0o500),
      () => chmodSync(join(spool, 'tmp'), 0o700),
      /Permission denied/,
    ],
    [
      'a new that nothing may be put into',
      () => chmodSync(join(spool, 'new'), 0o500),
      () => chmodSync(join(spool, 'new'), 0o700),
      /Permission denied/,
    ],
    [
      'a file in the place of new',
      () => {
        rmSync(join(spool, 'new'), { recursive: true });
        writeFileSync(join(spool, 'new'), '');
      },
      () => {
        rmSync(join(spool, 'new'));
        makeSpool(spool);
      },
      /Not a directory/,
    ],
  ])('%s', async (_what, spoil, mend, reason) => {
    spoil();
    await expectRefused(reason, mend);
  });

  testWithMounts('a disk that is full', async () => {
    rmSync(spool, { recursive: true });
    const { uid, gid } = dovecotInstallation();
    const disk = mountSmallDisk(spool, { uid, gid });
    try {
      makeSpool(spool);
      const ballast = join(spool, 'ballast');
      expect(() => writeFileSync(ballast, Buffer.alloc(1024 * 1024))).toThrow(/ENOSPC/);
      await expectRefused(/No space left/, () => rmSync(ballast));
    } finally {
      disk.unmount();
    }
  });

  test('many sessions at a time: no registration is lost, and each is one file', async () => {
    const session = async (first: number): Promise<string[]> => {
      const client = await loginImap(dovecot, `user${first % 5}`);
      const told: string[] = [];
      for (let n = first; n < first + PER_SESSION; n++) told.push((await register(client, n)).status);
      await client.close();
      return told;
    };
    const sessions = Array.from({ length: SESSIONS }, (_, n) => session(n * PER_SESSION));
    expect(new Set((await Promise.all(sessions)).flat())).toEqual(new Set(['OK']));
    expect(new Set(tokens()).size).toBe(SESSIONS * PER_SESSION);
    expect(files('tmp')).toEqual([]);
  });

  describe('a session', () => {
    test('that ends within a command leaves nothing', async () => {
      const client = await loginImap(dovecot, 'alice');
      const command = client.command(
        `XAPPLEPUSHSERVICE aps-version 2 aps-account-id {100+}\r\n${ACCOUNT_ID}`,
      );
      const failed = expect(command).rejects.toThrow();
      await client.close();
      await failed;
      expect([files('new'), files('tmp')]).toEqual([[], []]);
    });

    test('that is killed loses nothing that was answered, and leaves no half of a file in new', async () => {
      const answered = new Set<string>();
      const session = async (first: number): Promise<void> => {
        try {
          const client = await loginImap(dovecot, `user${first % 5}`);
          for (let n = first; n < first + 50; n++)
            if ((await register(client, n)).status === 'OK') answered.add(tokenNumber(n));
          await client.close();
        } catch {
          // its process was killed, perhaps before it had logged in
        }
      };
      const sessions = Array.from({ length: KILLED_SESSIONS }, (_, n) => session(n * 50));
      await expect.poll(() => answered.size, { timeout: 30_000, interval: 5 }).toBeGreaterThan(20);
      const killed = imapProcesses(dovecot).slice(0, KILLED_SESSIONS / 2);
      expect(killed.length).toBeGreaterThan(0);
      for (const pid of killed) process.kill(pid, 'SIGKILL');
      await Promise.all(sessions);
      const kept = new Set(tokens());
      expect([...answered].filter((token) => !kept.has(token))).toEqual([]);
      expect(files('tmp').length).toBeLessThanOrEqual(killed.length);
    });
  });

  test('a mailbox of one’s own at which Dovecot cannot look now is told like the others', async () => {
    const client = await loginImap(dovecot, 'bob');
    for (const name of ['Sound', 'Loop']) {
      await client.command(`CREATE ${name}`);
      await client.command(`STATUS ${name} (MESSAGES)`);
    }
    const folder = join(dovecot.dir, 'mail/bob/Maildir/.Loop');
    rmSync(folder, { recursive: true });
    symlinkSync(folder, folder); // ELOOP, as little foreseen as an error of the disk
    const reply = await client.registerDevice({
      ...{ accountId: ACCOUNT_ID, deviceToken: tokenNumber(1), version: 2 },
      ...{ subtopic: 'com.apple.mobilemail', mailboxes: ['Sound', 'Loop', 'None'] },
    });
    expect(reply).toMatchObject({ status: 'OK', mailboxes: ['Sound', 'Loop'] });
    await expect.poll(() => dovecot.log()).toMatch(LOOP);
    await client.close();
  });

  test('Dovecot has nothing else to complain about', () => {
    // A process that is killed as it starts is told once more, its service pauses for two seconds, and whoever was
    // about to hand a session to it misses its answer.
    const killed =
      /^.*(?:killed with signal 9|service\(imap\): command startup failed|read\(.*\) failed: Remote closed connection).*/gm;
    const others = dovecot
      .log()
      .replaceAll(/^.*Error: xapplepush: .*/gm, '')
      .replaceAll(killed, '')
      .replaceAll(LOOP, '');
    expect(others).not.toMatch(/Warning|Error|Panic|Fatal/);
  });
});

/** The processes of sessions, which are children of Dovecot's master. */
function imapProcesses({ dir }: Dovecot): number[] {
  const all = liveProcesses();
  const masters = all.filter(({ command }) => command.includes(dir)).map(({ pid }) => pid);
  return all
    .filter(({ ppid, command }) => masters.includes(ppid) && /\bimap(?!-)/.test(command))
    .map(({ pid }) => pid);
}
