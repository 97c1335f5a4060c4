import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  readSubscription,
  type Subscription,
  webPushEndpoint,
} from '../../src/services/webpush/subscription.ts';
import { openStore } from '../../src/store/open.ts';
import type { Sandbox } from '../support/command.ts';
import { sandboxHere } from '../support/here.ts';
import { newEndpoint } from '../support/notices.ts';
import { webPushApp } from '../support/web-push-app.ts';

let one: Sandbox;
let other: Sandbox;
beforeEach(() => {
  [one, other] = [sandboxHere(''), sandboxHere('')];
});
afterEach(() => {
  one.remove();
  other.remove();
});

const DAY_MS = 86_400_000;

/** Two endpoints of alice, one of which is not proven, and one of bob that runs out tomorrow. */
async function fill({ store: file }: Sandbox): Promise<void> {
  const store = openStore(file, { create: true });
  const request = { nowMs: Date.now() - DAY_MS, maxPerUser: 9, isProven: true };
  const subscription = readSubscription(webPushApp().subscriptionAt('https://push.example.org/1'));
  await store.registerEndpoint(webPushEndpoint(subscription as Subscription, 'alice'), request);
  await store.registerEndpoint(
    newEndpoint(2, { service: 'webhook', address: 'https://hooks.example.org/' }),
    {
      ...request,
      isProven: false,
    },
  );
  const expiresMs = Date.now() + DAY_MS;
  const token = { user: 'bob', service: 'deltachat', address: 'openpgp:AAAA', expiresMs } as const;
  await store.registerEndpoint(newEndpoint(3, token), request);
  store.close();
}

test('endpoints go from host to host, once, and what is newer stays', async () => {
  await fill(one);
  const { stdout: exported, exitCode } = await one.run(['endpoints', 'export']);
  expect([exitCode, exported.trim().split('\n').length]).toEqual([0, 3]);
  const taken = await other.run(['endpoints', 'import', '-'], { input: exported });
  expect(taken).toMatchObject({
    exitCode: 0,
    stdout: '3 endpoints taken, 0 as new here already or run out, 0 skipped\n',
  });
  expect((await other.run(['endpoints', 'export'])).stdout).toBe(exported);
  expect((await other.run(['endpoints', 'import', '-'], { input: exported })).stdout).toBe(
    '0 endpoints taken, 3 as new here already or run out, 0 skipped\n',
  );
});

test('what cannot be taken is told by its line, and the rest is taken', async () => {
  await fill(one);
  const { stdout: exported } = await one.run(['endpoints', 'export']);
  const file = join(other.dir, 'endpoints.jsonl');
  writeFileSync(file, `${exported.replace('deltachat', 'fcm')}\n${'x'.repeat(20_000)}\n`);
  expect(await other.run(['endpoints', 'import', file])).toMatchObject({
    exitCode: 65,
    stdout:
      'line 3: skipped: service: expected one of deltachat, webpush, webhook\n' +
      'line 5: skipped: longer than 16384 bytes\n' +
      '2 endpoints taken, 0 as new here already or run out, 2 skipped\n',
  });
});
