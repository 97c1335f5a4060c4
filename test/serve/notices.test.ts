import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { flush } from '../../src/delivery/flush.ts';
import { handle } from '../../src/handle.ts';
import { systemClock } from '../../src/process/clock.ts';
import { openStore } from '../../src/store/open.ts';
import { startTestApns, type TestApns } from '../support/apns.ts';
import { eventually } from '../support/command.ts';
import { messageNew } from '../support/events.ts';
import { newEndpoint } from '../support/notices.ts';
import { type PushService, startPushService } from '../support/push-service.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { served, settingFor } from '../support/serving.ts';
import { vapidClaims, webPushApp } from '../support/web-push-app.ts';

let apns: TestApns;
beforeAll(async () => {
  apns = await startTestApns();
});
afterAll(() => apns.close());

const HTTP = 'serve: { http: 127.0.0.1:0, http_password_file: FOLDER/password, metrics: true }\n';
const AUTHORIZATION = `Basic ${Buffer.from('webmail:secret').toString('base64')}`;

/** With a password for the HTTP door, and a secret for webhooks. */
function setting(yaml: string): Config {
  const { config } = settingFor(apns, (folder) => {
    writeFileSync(`${folder}/password`, 'webmail:secret\n', { mode: 0o600 });
    writeFileSync(`${folder}/secret`, 'a secret of 16 or more\n', { mode: 0o600 });
    return `${HTTP}${yaml}`.replaceAll('FOLDER', folder);
  });
  return config;
}

type Serve = Awaited<ReturnType<typeof served>>;

async function request({ log }: Serve, method: string, path: string, body?: string) {
  const [, address = ''] = /http (127\.0\.0\.1:\d+)/.exec(JSON.stringify(log.entries)) ?? [];
  const headers = { Authorization: AUTHORIZATION, 'Content-Type': 'application/json' };
  const answer = await fetch(`http://${address}${path}`, { method, headers, ...(body && { body }) });
  return { status: answer.status, text: await answer.text() };
}

/** What Dovecot's script would write for a delivery. */
function delivery(mailbox = 'INBOX', own?: true): string {
  return JSON.stringify({ dovecot: 1, user: 'alice', events: [{ name: 'MessageNew', mailbox, own }] });
}

/** What has come, when so much has. */
function asked(service: PushService, count: number): Promise<PushService['asked']> {
  return eventually(
    () => service.asked,
    ({ length }) => length >= count,
  );
}

describe('a browser', () => {
  test('subscribes through webmail, is asked whether it is there, hears of mail, and is forgotten when it is gone', async () => {
    const service = await startPushService();
    const config = setting(
      'webpush: { enabled: true, subject: mailto:postmaster@example.org, allow_private_addresses: true }\n' +
        'delivery: { throttle: 1s }\n',
    );
    const serve = await served(config);
    const { key } = JSON.parse((await request(serve, 'GET', '/webpush/key')).text) as { key: string };
    const app = webPushApp();
    const subscription = app.subscriptionAt(`${service.url}an-app`);
    const place = '/webpush/subscriptions?user=Alice';
    expect(await request(serve, 'POST', place, subscription)).toEqual({
      status: 202,
      text: '{"isProven":false}\n',
    });
    const [proof] = await asked(service, 1);
    expect(JSON.parse(app.decrypt(proof?.body ?? Buffer.alloc(0)))).toMatchObject({ event: 'validation' });
    expect(vapidClaims(proof?.headers.authorization ?? '')).toMatchObject({ key });
    await eventually(
      () => request(serve, 'POST', place, subscription),
      ({ text }) => text === '{"isProven":true}\n',
    );

    expect((await request(serve, 'POST', '/events', delivery())).status).toBe(202);
    const [, mail] = await asked(service, 2);
    expect(JSON.parse(app.decrypt(mail?.body ?? Buffer.alloc(0)))).toMatchObject({
      ...{ event: 'MessageNew', mailbox: 'INBOX' },
    });

    service.mood = { status: 410 };
    await request(serve, 'POST', '/events', delivery());
    await asked(service, 3);
    const gone = `${place}&endpoint=${encodeURIComponent(`${service.url}an-app`)}`;
    await eventually(
      () => request(serve, 'POST', '/events', delivery('Archive')).then(() => openCount(config)),
      ({ webpush }) => webpush.endpoints === 0,
    );
    expect((await request(serve, 'DELETE', gone)).status).toBe(404);
    expect(service.asked).toHaveLength(3);
  });

  test('whose address may not be called is refused at once', async () => {
    const config = setting('webpush: { enabled: true, subject: mailto:postmaster@example.org }\n');
    const serve = await served(config);
    const subscription = webPushApp().subscriptionAt('https://127.0.0.1/an-app');
    expect(await request(serve, 'POST', '/webpush/subscriptions?user=alice', subscription)).toEqual({
      status: 400,
      text: '{"error":"endpoint: its address is not public"}\n',
    });
  });

  test('has nothing to ask for where Web Push is off', async () => {
    const serve = await served(setting(''));
    expect((await request(serve, 'GET', '/webpush/key')).status).toBe(404);
    expect((await request(serve, 'GET', '/metrics')).text).not.toMatch(/notice|endpoint/);
  });
});

describe('a webhook', () => {
  test('is posted to at once, and then at the end of the window, whatever else has come; Apple hears as before', async () => {
    const service = await startPushService();
    const serve = await served(setting(`${webhook(service)}delivery: { throttle: 1s }\n`));
    for (const mailbox of ['INBOX', 'Archive', 'Archive/2026', 'Junk'])
      await request(serve, 'POST', '/events', delivery(mailbox));
    const told = await asked(service, 2);
    const bodies = told.map(({ body }) => JSON.parse(body.toString()) as Record<string, unknown>);
    expect(bodies).toMatchObject([
      { version: 1, event: 'MessageNew', user: 'alice', mailbox: 'INBOX' },
      { version: 1, event: 'MessageNew', user: 'alice', mailbox: 'Junk' },
    ]);
    expect(told[0]?.headers['x-xapplepush-signature']).toMatch(/^t=\d+,v1=[0-9a-f]{64}$/);
    const metrics = (await request(serve, 'GET', '/metrics')).text;
    expect(metrics).toContain('xapplepush_notices_total{service="webhook",outcome="retry"} 0\n');
    expect(metrics).toMatch(/^xapplepush_notices_total\{service="webhook",outcome="delivered"\} [12]$/m);
    expect(metrics).toContain('xapplepush_endpoints{service="webhook"} 1\n');
    expect(metrics).toMatch(/^xapplepush_waiting_notices [01]$/m);
    expect(metrics).not.toContain('webpush');
  });

  test('that hangs holds nothing up, neither the event nor the end of serve, and hears of it from the next', async () => {
    const service = await startPushService();
    service.mood = 'hang';
    const config = setting(webhook(service));
    const serve = await served(config);
    await request(serve, 'POST', '/events', delivery());
    await asked(service, 1);
    service.mood = 'cut';
    service.forget();
    const store = openStore(config.store, { create: false });
    const startMs = performance.now();
    await serve.end();
    expect(performance.now() - startMs).toBeLessThan(6000);
    expect(await store.countNotices()).toMatchObject({ notices: 1 });
    expect(await store.noticeOwners()).toEqual([]);
    store.close();
    service.mood = { status: 204 };
    const next = await served(config);
    await request(next, 'POST', '/events', delivery());
    await asked(service, 2);
  });

  test('is posted to for an event of a handler beside serve, and by flush where there is none', async () => {
    const service = await startPushService();
    const config = setting(`${webhook(service)}delivery: { throttle: 1s }\n`);
    const around = { config, log: recordedLog(), clock: systemClock, wait: false };
    const serve = await served(config);
    expect(await handle({ ...around, input: [Buffer.from(messageNew())] })).toBe(0);
    await asked(service, 1);
    await serve.end();
    expect(await handle({ ...around, input: [Buffer.from(messageNew('bob'))] })).toBe(0);
    await flush({ ...around, all: false });
    expect(service.asked).toHaveLength(2);
  });
});

describe('Delta Chat', () => {
  test('is woken by mail of others in INBOX', async () => {
    const service = await startPushService();
    const config = setting(
      `deltachat: { enabled: true, notify: ${service.url}notify }\ndelivery: { throttle: 1s }\n`,
    );
    const serve = await served(config);
    const store = openStore(config.store, { create: false });
    const endpoint = newEndpoint(1, { service: 'deltachat' });
    await store.registerEndpoint(
      { ...endpoint, address: 'openpgp:token' },
      { nowMs: Date.now(), maxPerUser: 9, isProven: true },
    );
    store.close();
    await request(serve, 'POST', '/events', delivery('Archive'));
    await request(serve, 'POST', '/events', delivery('INBOX', true));
    await request(serve, 'POST', '/events', delivery());
    const [told] = await asked(service, 1);
    expect([told?.path, told?.body.toString()]).toEqual(['/notify', 'openpgp:token']);
    expect(service.asked).toHaveLength(1);
  });
});

function webhook({ url }: PushService): string {
  return `webhook: { urls: ["${url}hook"], secret_file: FOLDER/secret }\n`;
}

async function openCount(config: Config) {
  const store = openStore(config.store, { create: false });
  try {
    return await store.countEndpoints(Date.now());
  } finally {
    store.close();
  }
}
