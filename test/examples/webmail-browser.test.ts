import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { withMockApns } from '../support/apns.ts';
import { eventually } from '../support/command.ts';
import { describeWithTools } from '../support/needs.ts';
import { startPushService } from '../support/push-service.ts';
import { served, settingFor } from '../support/serving.ts';
import { type WebPushApp, webPushApp } from '../support/web-push-app.ts';

/*
 * The page of examples/webmail in a browser, against a serve. Chromium subscribes at Google's push service alone, which
 * no test reaches: so its subscription is one of ours, and what is sent to that is handed to the service worker as the
 * browser would.
 */
describeWithTools({ chromium: 'chromium' }, 'webmail in a browser', () => {
  test('subscribes, shows that it will be told and what it is told, and is told no more', async () => {
    await withMockApns({}, async (apns) => {
      const service = await startPushService();
      const { config } = settingFor(apns, (folder) => {
        writeFileSync(`${folder}/password`, 'webmail:secret\n', { mode: 0o600 });
        return `serve: { http: 127.0.0.1:0, http_password_file: ${folder}/password }
delivery: { throttle: 1s }
webpush: { enabled: true, subject: mailto:postmaster@example.org, allow_private_addresses: true }\n`;
      });
      const serve = await served(config);
      const [, address = ''] = /http (127\.0\.0\.1:\d+)/.exec(JSON.stringify(serve.log.entries)) ?? [];
      const webmail = await startWebmail(`http://${address}`);
      const app = webPushApp();
      const { page, context } = await opened(webmail, app.subscriptionAt(`${service.url}an-app`));

      await page.click('#on');
      await expectTold(page, 'You will be told.');
      await deliver(context, page, app, (await eventually(() => service.asked[0], Boolean))!.body);
      expect(await shown(page, 1)).toEqual(['You will be told of new mail here.']);

      await eventually(
        () => mailFor(address).then(() => service.asked[1]),
        (asked) => asked !== undefined,
      );
      await deliver(context, page, app, service.asked[1]!.body);
      expect(await shown(page, 2)).toEqual(['New mail in INBOX.', 'You will be told of new mail here.']);

      await page.click('#off');
      await expectTold(page, 'You are told no more.');
      await mailFor(address);
      expect(await page.evaluate('fetch("push/key").then(({ status }) => status)')).toBe(200);
      expect(service.asked).toHaveLength(2);
    });
  });
});

const AUTHORIZATION = `Basic ${Buffer.from('webmail:secret').toString('base64')}`;

async function mailFor(address: string): Promise<void> {
  const body = '{"dovecot":1,"user":"alice","events":[{"name":"MessageNew","mailbox":"INBOX"}]}';
  const headers = { Authorization: AUTHORIZATION, 'Content-Type': 'application/json' };
  expect((await fetch(`http://${address}/events`, { method: 'POST', headers, body })).status).toBe(202);
}

/** Serves the example, and passes push/… on in the name of alice, who is logged in. */
async function startWebmail(xapplepush: string): Promise<string> {
  const server = createServer((request, response) => {
    void (async () => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://webmail');
      if (pathname.startsWith('/push/')) {
        searchParams.set('user', 'alice');
        const { method = '', headers } = request;
        const body = await text(request);
        const answer = await fetch(
          `${xapplepush}${pathname.replace('/push/', '/webpush/')}?${searchParams.toString()}`,
          {
            ...{ method, ...(body !== '' && { body }) },
            headers: { Authorization: AUTHORIZATION, 'Content-Type': headers['content-type'] ?? '' },
          },
        );
        response.writeHead(answer.status).end(await answer.text());
        return;
      }
      const file = pathname === '/' ? 'index.html' : pathname.slice(1);
      const type = file.endsWith('.js') ? 'text/javascript' : 'text/html';
      const content = readFileSync(`examples/webmail/${file}`);
      response.writeHead(200, { 'Content-Type': type }).end(content);
    })().catch(() => response.writeHead(404).end()); // such as its icon
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://localhost:${(server.address() as AddressInfo).port}/`;
}

/** A browser at that address, whose subscriptions are this one. */
async function opened(url: string, subscription: string): Promise<{ page: Page; context: BrowserContext }> {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  onTestFinished(() => browser.close());
  const context = await browser.newContext();
  await context.grantPermissions(['notifications'], { origin: new URL(url).origin });
  await context.addInitScript(`
    let ours = null;
    PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
      if (!/^[\\w-]{87}$/.test(applicationServerKey)) throw new Error('not a key: ' + applicationServerKey);
      const value = ${subscription};
      return (ours = { ...value, toJSON: () => value, unsubscribe: async () => (ours = null) });
    };
    PushManager.prototype.getSubscription = async () => ours;`);
  const page = await context.newPage();
  await page.goto(url);
  await page.evaluate('navigator.serviceWorker.ready.then(() => undefined)');
  return { page, context };
}

function expectTold(page: Page, told: string): Promise<unknown> {
  return page.waitForFunction(`document.querySelector('#told').value === ${JSON.stringify(told)}`);
}

/** As the browser does it with a message of its push service: decrypted, to the service worker. */
async function deliver(context: BrowserContext, page: Page, app: WebPushApp, body: Buffer): Promise<void> {
  const session = await context.newCDPSession(page);
  const registered = new Promise<string>((resolve) => {
    session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      for (const { registrationId } of registrations) resolve(registrationId);
    });
  });
  await session.send('ServiceWorker.enable');
  await session.send('ServiceWorker.deliverPushMessage', {
    origin: new URL(page.url()).origin,
    registrationId: await registered,
    data: app.decrypt(body),
  });
  await session.detach();
}

async function shown(page: Page, count: number): Promise<unknown[]> {
  const bodies = `navigator.serviceWorker.ready.then((registration) => registration.getNotifications())
    .then((all) => all.map(({ body }) => body).sort())`;
  return eventually(
    () => page.evaluate<unknown[]>(bodies),
    ({ length }) => length === count,
  );
}
