import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Answer, NoAnswer, type Push } from '../../src/apns/push.ts';
import type { Store } from '../../src/store/store.ts';
import { apnsIdOf } from '../../src/delivery/push-of.ts';
import { carry } from '../../src/delivery/carry.ts';
import { createLine } from '../../src/delivery/line.ts';
import { Route } from '../../src/delivery/route.ts';
import { connect } from '../../src/store/sqlite/driver.ts';
import { createTestClock } from '../support/clock.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { DELIVERED, scriptedConnection } from '../support/scripted-connection.ts';
import { settle, SETTLE_CONTEXT } from '../support/settling.ts';
import {
  claimed,
  enqueued,
  NOW_MS,
  registered,
  subscription,
  temporaryFolder,
  testStore,
} from '../support/store.ts';

const TOPICS = ['com.apple.mail.XServer.a', 'com.apple.mail.XServer.b'];

/** More than any back-off, and than a lease. */
const LATER_MS = 3 * 3_600_000;

const ANSWERS = {
  taken: DELIVERED,
  unwell: { status: 503 },
  tooMany: { status: 429, reason: 'TooManyRequests' },
  otherCertificate: { status: 403, reason: 'BadCertificate' },
  silence: new NoAnswer('silence', { perhapsProcessed: true }),
  goaway: new NoAnswer('GOAWAY', { perhapsProcessed: false }),
};

const path = fc.constantFrom('INBOX', 'Archive', 'Drafts');
const registration = fc.record({
  kind: fc.constant('registration' as const),
  paths: fc.uniqueArray(path, { minLength: 1 }),
  topic: fc.constantFrom('', ...TOPICS),
});
const attempt = fc.record({
  kind: fc.constant('attempt' as const),
  answer: fc.constantFrom(...(Object.keys(ANSWERS) as (keyof typeof ANSWERS)[])),
  /** Events that come when Apple has the push and has not answered. */
  meanwhile: fc.array(path, { maxLength: 2 }),
  /** How whoever sent it ends before the answer is written down. */
  end: fc.constantFrom('none', 'kill -9', 'power cut'),
});
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('event' as const), path }) },
  { weight: 1, arbitrary: registration },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('main topic' as const) }) },
  { weight: 4, arbitrary: attempt },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Attempted = typeof attempt extends fc.Arbitrary<infer T> ? T : never;

/** A device, its database, and all that Apple was ever sent. */
function createWorld() {
  const [folder, clock, mainTopics] = [temporaryFolder(), createTestClock(NOW_MS), [...TOPICS]];
  const sent: (Push & { isKnown: boolean })[] = [];
  let store = testStore(join(folder, 'x.db'));
  let [durable, cuts] = [bytesOf(store), 0];
  /** Ids that Apple was sent before the latest event. */
  let known = new Set<string>();

  const event = async (path: string): Promise<void> => {
    const mailboxes = [{ owner: 'alice', path }];
    const told = await enqueued(store, { mailboxes, nowMs: clock.nowMs(), apnsId: randomUUID() });
    if (told.length > 0) known = new Set(sent.map(({ apnsId }) => apnsId));
    durable = bytesOf(store);
  };
  const register = async (paths: readonly string[], topic: string): Promise<void> => {
    await registered(store, { topic, subscriptions: paths.map((path) => subscription(path)) });
    durable = bytesOf(store);
  };
  const cutPower = (): void => {
    cuts += 1;
    const file = join(folder, `${cuts}.db`);
    writeFileSync(file, durable);
    store = testStore(file);
  };
  const answered = async (push: Push, { answer, meanwhile }: Attempted): Promise<Answer> => {
    sent.push({ ...push, isKnown: known.has(push.apnsId) });
    for (const path of meanwhile) await event(path);
    const reply = ANSWERS[answer];
    if (reply instanceof Error) throw reply;
    return reply;
  };
  const tried = async (attempted: Attempted): Promise<void> => {
    clock.advance(LATER_MS);
    const nowMs = clock.nowMs();
    const [row] = await claimed(store, { nowMs, leaseUntilMs: nowMs + 1 });
    if (row === undefined) return;
    const connection = scriptedConnection((push) => answered(push, attempted));
    const line = createLine(() => Promise.resolve(connection));
    const routes = [new Route({ topic: mainTopics[0]!, topics: TOPICS, fingerprint: 'f' }, line)];
    const options = { expiryMs: 1000, clock, random: () => 0.5, log: recordedLog() };
    const ended = await carry(row, routes, Infinity, options);
    if (attempted.end === 'power cut') cutPower();
    else if (attempted.end === 'none')
      await settle(store, [ended], { ...SETTLE_CONTEXT, nowMs, giveUpMs: Infinity, newApnsId: randomUUID });
  };
  const take = async (step: Step): Promise<void> => {
    if (step.kind === 'event') await event(step.path);
    else if (step.kind === 'registration') await register(step.paths, step.topic);
    else if (step.kind === 'attempt') await tried(step);
    else mainTopics.reverse();
  };
  return { sent, register, take };
}

/** The database as a power cut leaves it that comes right after something that waited for the disk. */
function bytesOf({ file }: Store): Buffer {
  const database = connect(file);
  database.pragma('wal_checkpoint(TRUNCATE)');
  database.close();
  return readFileSync(file);
}

test('is made as RFC 9562 says', () => {
  const row = { apnsId: '8d6d7a0c-9f8e-4b6b-9a5c-0d2f3c1b7a11', generation: 1 };
  // Of what Python's hashlib.sha256 makes of the five, a line each.
  expect(apnsIdOf(row, { deviceToken: '80aa', topic: 't', payload: '{"aps":{}}' })).toBe(
    '3e561631-fabf-87ab-ae9b-8e52f3b5c0b0',
  );
});

test('an apns-id names one content, and no event is told under one that Apple knew before it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
      const { sent, register, take } = createWorld();
      await register(['INBOX', 'Archive'], '');
      for (const step of steps) await take(step);
      expect(sent.filter(({ isKnown }) => isKnown)).toEqual([]);
      const contents = new Map<string, string>();
      for (const { apnsId, deviceToken, topic, payload } of sent) {
        const content = JSON.stringify([deviceToken, topic, payload]);
        expect(contents.get(apnsId) ?? content).toBe(content);
        contents.set(apnsId, content);
      }
    }),
    { numRuns: 100 },
  );
}, 120_000);
