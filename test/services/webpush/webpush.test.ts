import { readFileSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createAddressGuard } from '../../../src/services/address-guard.ts';
import { openPoster } from '../../../src/services/http-post.ts';
import type { Service, ServiceOutcome } from '../../../src/services/service.ts';
import { vapidKeyOf } from '../../../src/services/webpush/vapid.ts';
import { createWebPush } from '../../../src/services/webpush/webpush.ts';
import { type Mood, startPushService } from '../../support/push-service.ts';
import { vapidClaims, vapidPem, webPushApp } from '../../support/web-push-app.ts';
import { NOTICE } from '../notice.ts';

const KEY = vapidKeyOf(vapidPem());
const NOW_MS = NOTICE.eventMs + 1000;

function webPush({ isGuarded = false } = {}): Service {
  const guard = isGuarded ? { guard: createAddressGuard() } : {};
  const opened = createWebPush(
    { key: KEY, subject: 'mailto:postmaster@example.org', giveUpMs: 86_400_000, nowMs: () => NOW_MS },
    openPoster({ nowMs: () => NOW_MS, ...guard }),
  );
  onTestFinished(() => opened.close());
  return opened;
}

function send(service: Service, address: string, timeoutMs = 5000): Promise<ServiceOutcome> {
  return service.send({ user: 'alice', address, fingerprint: 'f' }, NOTICE, timeoutMs);
}

test('the app gets what it alone can read, and the service what it needs to keep it', async () => {
  const [service, app] = [await startPushService(), webPushApp()];
  const outcome = await send(webPush(), app.subscriptionAt(`${service.url}push/abc`));
  expect(outcome).toEqual({ kind: 'delivered' });
  const [{ method, path, headers, body }] = service.asked as [(typeof service.asked)[number]];
  const { authorization = '', topic, ...others } = headers;
  expect([method, path]).toEqual(['POST', '/push/abc']);
  expect(others).toEqual({
    host: `127.0.0.1:${service.port}`,
    connection: 'keep-alive',
    'content-encoding': 'aes128gcm',
    'content-type': 'application/octet-stream',
    'content-length': String(body.length),
    ttl: '86399',
    urgency: 'normal',
  });
  expect(topic).toMatch(/^[\w-]{32}$/);
  expect(vapidClaims(authorization)).toEqual({
    aud: `http://127.0.0.1:${service.port}`,
    exp: Math.floor(NOW_MS / 1000) + 12 * 3600,
    sub: 'mailto:postmaster@example.org',
    key: KEY.publicKey,
  });
  expect(body.toString('latin1')).not.toContain('INBOX');
  expect(JSON.parse(app.decrypt(body))).toMatchObject({
    id: NOTICE.id,
    event: 'MessageNew',
    mailbox: 'INBOX',
  });
  expect(() => webPushApp().decrypt(body)).toThrow();
});

test('no two messages are sealed alike', async () => {
  const [service, app] = [await startPushService(), webPushApp()];
  const by = webPush();
  for (let count = 0; count < 2; count += 1) await send(by, app.subscriptionAt(service.url));
  const [first, second] = service.asked.map(({ body }) => body);
  expect(first!.subarray(0, 16)).not.toEqual(second!.subarray(0, 16)); // the salts
  expect(first!.subarray(21, 86)).not.toEqual(second!.subarray(21, 86)); // the keys
});

describe('the answer', () => {
  const outcomeAt = async (mood: Mood): Promise<ServiceOutcome> => {
    const service = await startPushService();
    service.mood = mood;
    return send(webPush(), webPushApp().subscriptionAt(service.url), 500);
  };

  test.each([200, 201, 202, 204])('%s is that it was taken', async (status) => {
    expect(await outcomeAt({ status })).toEqual({ kind: 'delivered' });
  });

  test.each([
    [404, 'gone'],
    [410, 'gone'],
    [302, 'rejected'],
    [307, 'rejected'],
    [400, 'misconfigured'],
    [413, 'rejected'],
    [401, 'misconfigured'],
    [403, 'misconfigured'],
    [408, 'retry'],
    [429, 'retry'],
    [500, 'retry'],
    [503, 'retry'],
  ])('%s means: %s', async (status, kind) => {
    const outcome = await outcomeAt({ status });
    expect(outcome).toEqual({ kind, reason: expect.stringContaining(`answers ${status}`) as string });
  });

  test('says when to come again, or never comes', async () => {
    expect(await outcomeAt({ status: 429, headers: { 'Retry-After': '90' } })).toMatchObject({
      afterMs: 90_000,
    });
    expect(await outcomeAt('hang')).toEqual({
      kind: 'retry',
      reason: 'no answer in time',
      isUnanswered: true,
    });
  });

  test('of a real ntfy is understood, each that was captured', async () => {
    const captured = JSON.parse(readFileSync('test/fixtures/webpush/ntfy-answers.json', 'utf8')) as Record<
      string,
      { status: number; body: string }
    >;
    const kinds = Object.values(captured).map(async (mood) => (await outcomeAt(mood)).kind);
    expect(await Promise.all(kinds)).toEqual(['delivered', 'retry']);
  });
});

describe('an address that a stranger gave', () => {
  test('leads to no service of this host, nor to anything without TLS', async () => {
    const service = await startPushService();
    const outcomes = [service.url, service.url.replace('http', 'https')].map((url) =>
      send(webPush({ isGuarded: true }), webPushApp().subscriptionAt(url)),
    );
    expect(await Promise.all(outcomes)).toEqual([
      { kind: 'rejected', reason: 'expected https, got http' },
      { kind: 'rejected', reason: 'its address is not public' },
    ]);
    expect(service.connections).toBe(0);
  });

  test('that is no subscription is told', async () => {
    expect(await send(webPush(), '{}')).toMatchObject({ kind: 'rejected' });
  });
});
