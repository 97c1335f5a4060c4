import { execFileSync } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openPoster } from '../../src/services/http-post.ts';
import type { Service, ServiceOutcome } from '../../src/services/service.ts';
import { createWebhook, SIGNATURE_HEADER, webhookEndpoint } from '../../src/services/webhook.ts';
import { type Mood, type PushService, startPushService } from '../support/push-service.ts';
import { NOTICE } from './notice.ts';

const SECRET = 'a secret of enough characters';
const NOW_MS = Date.parse('2026-12-01T06:00:01.700Z');

function webhookAt(service: PushService): Service {
  const options = { urls: [service.url], secret: SECRET, giveUpMs: 1000, nowMs: () => NOW_MS };
  const opened = createWebhook(options, openPoster({ nowMs: options.nowMs }));
  onTestFinished(() => opened.close());
  return opened;
}

async function outcomeAt(mood: Mood): Promise<ServiceOutcome> {
  const service = await startPushService();
  service.mood = mood;
  return webhookAt(service).send(webhookEndpoint(service.url, 'alice'), NOTICE, 500);
}

test('is told by JSON that something happened, whose, where and when, signed with the time', async () => {
  const service = await startPushService();
  const outcome = await webhookAt(service).send(webhookEndpoint(service.url, 'älice'), NOTICE, 5000);
  expect(outcome).toEqual({ kind: 'delivered' });
  const [{ headers, body, path, method }] = service.asked as [PushService['asked'][number]];
  expect([method, path, headers['content-type']]).toEqual(['POST', '/', 'application/json']);
  expect(JSON.parse(body.toString())).toEqual({
    version: 1,
    id: NOTICE.id,
    event: 'MessageNew',
    user: 'älice',
    mailbox: 'INBOX',
    at: '2026-12-01T06:00:00.000Z',
  });
  const seconds = Date.parse('2026-12-01T06:00:01Z') / 1000;
  const mac = createHmac('sha256', SECRET).update(`${seconds}.`).update(body).digest('hex');
  expect(headers[SIGNATURE_HEADER.toLowerCase()]).toBe(`t=${seconds},v1=${mac}`);
});

test('is ours by the code that the page has for it, within five minutes and unchanged', async () => {
  const service = await startPushService();
  const nowMs = Date.now();
  const webhook = createWebhook(
    { urls: [service.url], secret: SECRET, giveUpMs: 1000, nowMs: () => nowMs },
    openPoster({ nowMs: () => nowMs }),
  );
  onTestFinished(() => webhook.close());
  await webhook.send(webhookEndpoint(service.url, 'alice'), NOTICE, 5000);
  const [{ headers, body }] = service.asked as [PushService['asked'][number]];
  const header = String(headers[SIGNATURE_HEADER.toLowerCase()]);
  const [, code = ''] = /```python\n([^]*?)```/.exec(readFileSync('docs/webhook.md', 'utf8')) ?? [];
  const old = header.replace(/\d+/, (seconds) => String(Number(seconds) - 600));
  const tries = [
    [SECRET, header, body.toString()],
    ['another secret', header, body.toString()],
    [SECRET, header, body.toString().replace('alice', 'alicf')],
    [SECRET, old, body.toString()],
  ];
  const asking = `${code}
import json, sys
for s, h, b in json.load(sys.stdin): print(is_ours(s.encode(), h, b.encode()))
`;
  const told = execFileSync('python3', ['-c', asking], { input: JSON.stringify(tries), encoding: 'utf8' });
  expect(told.split('\n')).toEqual(['True', 'False', 'False', 'False', '']);
});

describe('the answer', () => {
  test('410 takes no address away that the administrator named', async () => {
    expect(await outcomeAt({ status: 410 })).toEqual({ kind: 'rejected', reason: 'the service answers 410' });
  });

  test.each([301, 400, 404, 500])('%s is that it is told again later', async (status) => {
    expect(await outcomeAt({ status })).toEqual({ kind: 'retry', reason: `the service answers ${status}` });
  });

  test('may never come', async () => {
    expect(await outcomeAt('hang')).toEqual({
      kind: 'retry',
      reason: 'no answer in time',
      isUnanswered: true,
    });
  });
});

describe('an endpoint', () => {
  test('is that of a user at an address', () => {
    expect(webhookEndpoint('https://a.example.org/', 'alice')).toEqual({
      user: 'alice',
      service: 'webhook',
      address: 'https://a.example.org/',
      fingerprint: createHash('sha256').update('https://a.example.org/').digest('hex'),
      expiresMs: null,
    });
  });

  test('whose address is no longer listed is gone, and nobody is told', async () => {
    const service = await startPushService();
    const other = webhookEndpoint(`${service.url}other`, 'alice');
    expect(await webhookAt(service).send(other, NOTICE, 5000)).toEqual({
      kind: 'gone',
      reason: 'webhook.urls no longer names it',
    });
    expect(service.connections).toBe(0);
  });
});
