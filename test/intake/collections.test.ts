import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { readEvents } from '../../src/events/read.ts';
import { createIntake } from '../../src/intake/intake.ts';
import { createOrder } from '../../src/intake/order.ts';
import { readFileSync } from 'node:fs';
import { createTestClock } from '../support/clock.ts';
import { captured as ofMail } from '../support/events.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { NOW_MS, outboxRow, rowsOf, temporaryFolder, testStore } from '../support/store.ts';

function captured(file: string): string {
  return readFileSync(new URL(`../fixtures/cyrus310/${file}`, import.meta.url), 'utf8');
}

const SUBSCRIBE = captured('1821-ApplePushServiceDAV-V-subscribe-get.json');
const BOBS = captured('1868-ApplePushServiceDAV-V-subscribe-bob.json');
const CONTACTS = captured('1824-ApplePushServiceDAV-V-subscribe-carddav.json');
const PUT = captured('1846-MessageNew-V-put-new.json');
const DELETE = captured('1853-MessageExpunge-V-delete.json');

function setting(yaml = '') {
  const folder = temporaryFolder();
  writeFileSync(
    join(folder, 'config.yaml'),
    `imapd_conf: ${folder}/imapd.conf\nstore: ${folder}/x.db\n${yaml}`,
  );
  const config = loadConfig(join(folder, 'config.yaml'), {});
  const store = testStore(join(folder, 'x.db'));
  const log = recordedLog();
  const clock = createTestClock(NOW_MS);
  const intake = createIntake({ config, clock, log, store: () => store, newApnsId: () => 'id' });
  const take = async (input: string, atMs?: number) => {
    const [item] = [...readEvents([Buffer.from(input)])];
    return intake(item!, { atMs });
  };
  return { store, log, take };
}

test('a device that asks for a calendar becomes a target of its own, for as long as it asked', async () => {
  const { store, log, take } = setting();
  await take(ofMail('0025-ApplePushService-aps-v2.json').toString());
  expect(await take(SUBSCRIBE)).toMatchObject({ names: ['registration'], bad: undefined });
  await take(CONTACTS, NOW_MS - 5000);
  expect(await store.listTargets({ user: 'alice' })).toMatchObject([
    { subtopic: 'com.apple.mobilemail', expiresMs: null },
    { subtopic: 'calendar', accountId: 'alice/1u6xrmyo6wijrgk0wesdd4s9', expiresMs: NOW_MS + 86_400_000 },
    { subtopic: 'contacts', renewedMs: NOW_MS - 5000, expiresMs: NOW_MS - 5000 + 86_400_000 },
  ]);
  expect(log.messages('info')).toContain('registered');
});

test('a change is told to who subscribed and may read, by the rights in the event, a little later', async () => {
  const { store, take } = setting();
  await take(SUBSCRIBE);
  await take(BOBS);
  const before = await take(PUT);
  expect(before.targetIds).toHaveLength(1);
  expect(await outboxRow(store)).toMatchObject({ due_ms: NOW_MS + 3000, event: 'MessageNew' });
  const shared = PUT.replace(/alice\\tlr/, 'bob\\tlr\\talice\\tlr');
  expect((await take(shared)).targetIds).toHaveLength(2);
  await take(DELETE);
  expect(await rowsOf(store, 'SELECT target_id, event FROM outbox')).toHaveLength(2);
});

test('neither the events of the configuration nor the devices of Mail have to do with it', async () => {
  const { take } = setting('events: { MessageNew: off }\n');
  await take(ofMail('0025-ApplePushService-aps-v2.json').toString());
  expect(await take(PUT)).toMatchObject({ targetIds: [], silent: [expect.stringContaining('#calendar:')] });
  await take(SUBSCRIBE);
  expect((await take(PUT)).targetIds).toHaveLength(1);
});

test('a deliverer that lingers for less gets it sooner', async () => {
  const { store, take } = setting('delivery: { linger: 1s }\n');
  await take(SUBSCRIBE);
  await take(PUT);
  expect(await outboxRow(store)).toMatchObject({ due_ms: NOW_MS + 1000 });
});

test('a token that is none is refused', async () => {
  const { store, take } = setting();
  expect(await take(captured('1825-ApplePushServiceDAV-V-subscribe-badtoken.json'))).toMatchObject({
    bad: expect.stringContaining('has a device token of 7 characters that is none') as string,
  });
  expect(await store.listTargets({})).toEqual([]);
});

test('an event that comes after a registration is taken after it', async () => {
  const order = createOrder();
  const done: string[] = [];
  const [item] = [...readEvents([Buffer.from(SUBSCRIBE)])];
  const [event] = [...readEvents([Buffer.from(PUT)])];
  await Promise.all([
    order(item!, async () => {
      await Promise.resolve();
      done.push('registration');
    }),
    order(event!, () => Promise.resolve(done.push('event'))),
  ]);
  expect(done).toEqual(['registration', 'event']);
});
