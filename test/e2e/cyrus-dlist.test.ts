import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openCyrusDoor } from '../../src/doors/cyrus.ts';
import type { Door } from '../../src/doors/door.ts';
import type { Receive, Received } from '../../src/doors/receive.ts';
import { systemClock } from '../../src/process/clock.ts';
import { MAX_EVENT_BYTES } from '../../src/events/read.ts';
import { eventually } from '../support/command.ts';
import { message } from '../support/cyrus-host.ts';
import { cyrusInstallation } from '../support/cyrus-installation.ts';
import { type Cyrus, describeWithCyrus, startCyrus } from '../support/cyrus.ts';
import { ACCOUNT_ID, DEVICE_TOKEN } from '../support/events.ts';
import { type DeviceRegistration, type ImapClient, loginImap } from '../support/imap.ts';
import { deliver, type LmtpReply } from '../support/lmtp.ts';
import { recordedLog } from '../support/recorded-log.ts';

const TOPIC = 'com.apple.mail.XServer.11111111-2222-3333-4444-555555555555';
const TAKEN: Received = { bad: undefined, targets: 0, topic: undefined, spooled: false };
const ARCHIVE = '&AOQ-rger';

describeWithCyrus('a real Cyrus without notifyd, on the dlist socket', () => {
  let folder: string;
  let path: string;
  let door: Door;
  let cyrus: Cyrus;
  let imap: ImapClient;
  let receive: Receive;
  let events: string[];
  let log: ReturnType<typeof recordedLog>;

  const openDoor = async (): Promise<void> => {
    const recording: Receive = (raw, name) => {
      events.push(raw.toString());
      return receive(raw, name);
    };
    door = await openCyrusDoor({
      ...{ path, receive: recording, log, clock: systemClock, onReplaced: () => undefined },
    });
    // Of user cyrus, the group is all that may connect.
    await chown(path, 0, cyrusInstallation().gid);
  };
  const deliverTo = async (user: string, text = message('hello')): Promise<LmtpReply> => {
    const [reply] = await deliver(cyrus.lmtpPort, 'bob@example.net', [user], text);
    return reply!;
  };
  const named = (name: string): string[] => events.filter((event) => event.startsWith(`{"event":"${name}",`));

  beforeAll(async () => {
    log = recordedLog();
    events = [];
    receive = () => Promise.resolve(TAKEN);
    folder = await mkdtemp(join(tmpdir(), 'xapplepush-dlist-'));
    await chmod(folder, 0o755);
    path = join(folder, 'cyrus.sock');
    await openDoor();
    const namespace = {
      notifysocket: `dlist:${path}`,
      mailnotifier: 'external',
      munge8bit: 'no', // else it would write X for what is not ASCII
      event_extra_params: 'timestamp vnd.cmu.unseenMessages vnd.cmu.envelope',
    };
    cyrus = await startCyrus({
      notifyExternal: '/nonexistent',
      apsTopic: TOPIC,
      namespace,
      users: ['alice', 'bob'],
    });
    imap = await loginImap(cyrus, 'alice');
  });
  afterAll(async () => {
    await imap.close();
    await cyrus.stop();
    await door.close();
    await rm(folder, { recursive: true });
  });
  beforeEach(() => {
    receive = () => Promise.resolve(TAKEN);
    events.length = 0;
    log.entries.length = 0;
  });

  test('runs no notifyd', () => {
    expect(cyrus.notifydPid()).toBeUndefined();
  });

  test('a registration arrives byte for byte', async () => {
    await imap.command(`CREATE "${ARCHIVE}"`);
    const reply = await imap.registerDevice(device('INBOX', ARCHIVE));
    expect(reply).toMatchObject({ status: 'OK', topic: TOPIC });
    const [event] = named('ApplePushService');
    const pid = /"pid":(\d+)/.exec(event ?? '')?.[1];
    expect(event).toBe(
      `{"event":"ApplePushService","pid":${pid},"user":"alice","apsVersion":2,"apsAccountId":"${ACCOUNT_ID}",` +
        `"apsDeviceToken":"${DEVICE_TOKEN}","apsSubtopic":"com.apple.mobilemail","mailboxes":["INBOX","${ARCHIVE}"]}`,
    );
  });

  test('so does a delivery; that of another class is left alone', async () => {
    expect(await deliverTo('alice', message('Grüße'))).toMatchObject({ code: 250 });
    const [event, ...others] = named('MessageNew');
    expect(others).toEqual([]);
    // Cyrus writes compact JSON, raw UTF-8: whatever is lost or added would show.
    const parsed = JSON.parse(event!) as Record<string, unknown>;
    expect(JSON.stringify(parsed)).toBe(event);
    expect(parsed).toMatchObject({ user: 'alice', 'vnd.cmu.mbtype': 'e' });
    expect(parsed['vnd.cmu.envelope']).toContain('Grüße');
    expect(events).toHaveLength(1);
    expect(log.entries).toEqual([
      { level: 'debug', message: 'ignored', fields: { event: 'notification of class MAIL' } },
    ]);
  });

  test('many deliveries at once: one event each', async () => {
    const users = Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? 'alice' : 'bob'));
    const replies = await Promise.all(users.map((user) => deliverTo(user)));
    expect(new Set(replies.map(({ code }) => code))).toEqual(new Set([250]));
    expect(new Set(named('MessageNew')).size).toBe(users.length);
  });

  test('the delivery waits for as long as its event is not safe; other users do not', async () => {
    let heldMs = 0;
    receive = async (raw) => {
      if (!raw.includes('user/alice')) return TAKEN;
      const startMs = performance.now();
      expect(await deliverTo('bob')).toMatchObject({ code: 250 });
      await sleep(1000);
      heldMs = performance.now() - startMs;
      return TAKEN;
    };
    const reply = await deliverTo('alice');
    process.stdout.write(
      `LMTP reply after ${Math.round(reply.tookMs)} ms, held for ${Math.round(heldMs)} ms\n`,
    );
    expect(reply.code).toBe(250);
    expect(reply.tookMs).toBeGreaterThan(heldMs);
    expect(named('MessageNew')).toHaveLength(2);
    expect(log.messages('error')).toEqual([]);
  });

  test('mail goes on where an event cannot be made safe', async () => {
    receive = () => Promise.reject(new Error('no room anywhere'));
    expect(await deliverTo('alice')).toMatchObject({ code: 250 });
    expect(await imap.registerDevice(device('INBOX'))).toMatchObject({ status: 'OK' });
    expect(
      log.entries.filter(({ level }) => level === 'error').map(({ fields }) => fields['reason']),
    ).toEqual(['no room anywhere', 'no room anywhere']);
  });

  test('mail goes on where the event is larger than any that is taken', async () => {
    const recipients = Array.from({ length: 32_000 }, (_, n) => `Recipient <r${n}@example.org>`).join(
      ',\r\n ',
    );
    const text = message('crowd').replace(/^To: .*$/m, `To: ${recipients}`);
    expect(text.length).toBeGreaterThan(MAX_EVENT_BYTES);
    expect(await deliverTo('alice', text)).toMatchObject({ code: 250 });
    expect(events).toEqual([]);
    const [warning] = log.entries.filter(({ level }) => level === 'warn');
    expect(warning?.fields['reason']).toMatch(/literals of more than/);
    expect(await deliverTo('alice')).toMatchObject({ code: 250 });
    expect(named('MessageNew')).toHaveLength(1);
  });

  test('mail goes on while the door is shut, and events come again when it is open', async () => {
    await door.close();
    expect(await deliverTo('alice')).toMatchObject({ code: 250 });
    expect(await imap.registerDevice(device('INBOX'))).toMatchObject({ status: 'OK' });
    expect(events).toEqual([]);
    await openDoor();
    expect(await deliverTo('alice')).toMatchObject({ code: 250 });
    expect(
      await eventually(
        () => named('MessageNew').length,
        (count) => count > 0,
      ),
    ).toBe(1);
  });
});

function device(...mailboxes: string[]): DeviceRegistration {
  return {
    accountId: ACCOUNT_ID,
    deviceToken: DEVICE_TOKEN,
    subtopic: 'com.apple.mobilemail',
    mailboxes,
    version: 2,
  };
}
