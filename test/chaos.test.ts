import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { MockAnswer } from '../src/apns/mock/answers.ts';
import { writeSpool } from '../src/spool/spool.ts';
import { connect } from '../src/store/sqlite/driver.ts';
import { configFor, startTestApns, type TestApns } from './support/apns.ts';
import { configure, createSandbox, eventually, type Sandbox } from './support/command.ts';
import { messageNew, registration, tokenNumber } from './support/events.ts';
import { type Mood, type PushService, startPushService } from './support/push-service.ts';
import { type Served, startServe } from './support/serve.ts';

const USERS = 20;
const KILLS = 8;
const EVENTS_BETWEEN_KILLS = 40;
const THROTTLE_MS = 1000;

/** An attempt is recorded before it is made, and arrives a little later. */
const CLOCK_SLACK_MS = 250;
const MOODS: readonly MockAnswer[] = ['200', '429', '500', '503', 'goaway', 'reset', 'silent', 'disconnect'];

let apns: TestApns;
let sandbox: Sandbox;
let served: Served | undefined;

beforeEach(async () => {
  apns = await startTestApns();
  sandbox = createSandbox('');
  configure(sandbox, `${configFor(apns)}delivery: { throttle: ${THROTTLE_MS / 1000}s }\n`);
});
afterEach(async () => {
  await served?.end('SIGKILL');
  sandbox.remove();
  await apns.close();
});

const SERVICE_MOODS: readonly Mood[] = [{ status: 201 }, { status: 500 }, 'cut', { status: 429 }];

/** Kills `serve` again and again under load; gives when the last event of each user was handed over. */
async function rage(service: PushService): Promise<number[]> {
  const lastEventMs = new Array<number>(USERS).fill(0);
  for (let kill = 0; kill < KILLS; kill += 1) {
    served = await startServe(sandbox);
    for (let n = 0; n < EVENTS_BETWEEN_KILLS; n += 1) {
      const user = (kill * 7 + n * 13) % USERS;
      if (n % 5 === 0) apns.setAnswers('*', [MOODS[(kill + n) % MOODS.length]!]);
      service.mood = SERVICE_MOODS[(kill + n) % SERVICE_MOODS.length]!;
      lastEventMs[user] = Date.now();
      writeSpool(sandbox.spool, Buffer.from(messageNew(`user${user}`)), Date.now());
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await served.end('SIGKILL');
  }
  return lastEventMs;
}

/** Raw events, pushes and notices that are not done with. */
function left(): number {
  const database = connect(sandbox.store, { fileMustExist: true });
  const { rows } = database.prepare(WAITING).get() as { rows: number };
  database.close();
  return (
    rows + readdirSync(join(sandbox.spool, 'new')).length + readdirSync(join(sandbox.spool, 'cur')).length
  );
}

const WAITING = 'SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM notices) AS rows';

test('killed again and again while Apple and a webhook flap: nothing is lost, nobody is asked too often', async () => {
  const service = await startPushService();
  const secret = join(sandbox.dir, 'secret');
  writeFileSync(secret, 'a secret of 16 or more\n', { mode: 0o600 });
  configure(
    sandbox,
    `${configFor(apns)}delivery: { throttle: ${THROTTLE_MS / 1000}s }
webhook: { urls: ["${service.url}"], secret_file: ${secret} }\n`,
  );
  const users = Array.from({ length: USERS }, (_, n) => n);
  const registrations = users.map((n) => registration({ user: `user${n}`, apsDeviceToken: tokenNumber(n) }));
  expect(await sandbox.run([], { input: registrations.join('') })).toMatchObject({ exitCode: 0 });
  const lastEventMs = await rage(service);

  apns.setAnswers('*', ['200']);
  service.mood = { status: 200 };
  served = await startServe(sandbox);
  // What failed often waits for minutes, on a slow machine longer than this test.
  for (const hold of ['apple', 'device', 'connection'])
    await sandbox.run(['outbox', 'retry', '--held-by', hold]);
  await eventually(left, (count) => count === 0, 200_000);

  const told = service.asked
    .filter(({ mood }) => typeof mood === 'object' && mood.status < 300)
    .map(({ body }) => JSON.parse(body.toString()) as { user: string; at: string });
  const unheard = users.filter(
    (n) => !told.some(({ user, at }) => user === `user${n}` && Date.parse(at) >= lastEventMs[n]!),
  );
  expect(unheard).toEqual([]);

  const taken = (n: number): TestApns['received'] =>
    apns.received.filter(({ deviceToken, answer }) => deviceToken === tokenNumber(n) && answer === '200');
  const missed = users.filter((n) => !taken(n).some(({ atMs }) => atMs >= lastEventMs[n]!));
  expect(missed).toEqual([]);
  for (const n of users) {
    const pushes = taken(n);
    for (const [index, push] of pushes.entries()) {
      const before = pushes[index - 1];
      // The same push may come again at once: whoever sent it was killed before it knew that Apple had taken it.
      if (before === undefined || before.apnsId === push.apnsId) continue;
      expect(push.atMs - before.atMs).toBeGreaterThanOrEqual(THROTTLE_MS - CLOCK_SLACK_MS);
    }
  }
}, 300_000);
