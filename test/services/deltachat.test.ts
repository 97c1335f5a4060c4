import { describe, expect, onTestFinished, test } from 'vitest';
import { createDeltaChat } from '../../src/services/deltachat.ts';
import { openPoster } from '../../src/services/http-post.ts';
import type { Service, ServiceOutcome } from '../../src/services/service.ts';
import { type Mood, type PushService, startPushService } from '../support/push-service.ts';
import { NOTICE } from './notice.ts';

const TOKEN = `openpgp:${'wcBMA9'.repeat(130)}==`;

function deltaChatAt(service: PushService): Service {
  const opened = createDeltaChat(
    { notify: `${service.url}notify`, giveUpMs: 18_000_000 },
    openPoster({ nowMs: () => 0 }),
  );
  onTestFinished(() => opened.close());
  return opened;
}

async function outcomeAt(mood: Mood, timeoutMs = 5000): Promise<ServiceOutcome> {
  const service = await startPushService();
  service.mood = mood;
  return deltaChatAt(service).send({ user: 'alice', address: TOKEN, fingerprint: 'f' }, NOTICE, timeoutMs);
}

test('the service gets the token, and nothing else at all', async () => {
  const service = await startPushService();
  service.mood = { status: 200 };
  const deltaChat = deltaChatAt(service);
  expect(await deltaChat.send({ user: 'alice', address: TOKEN, fingerprint: 'f' }, NOTICE, 5000)).toEqual({
    kind: 'delivered',
  });
  const headers = { host: `127.0.0.1:${service.port}`, connection: 'keep-alive' };
  expect(service.asked).toEqual([
    {
      method: 'POST',
      path: '/notify',
      headers: { ...headers, 'content-length': String(TOKEN.length) },
      body: Buffer.from(TOKEN),
      mood: service.mood,
    },
  ]);
});

describe('its answer', () => {
  test.each([200, 201, 204])('%s is that it was taken', async (status) => {
    expect(await outcomeAt({ status })).toEqual({ kind: 'delivered' });
  });

  test('410 is that there is no such device', async () => {
    expect(await outcomeAt({ status: 410 })).toEqual({ kind: 'gone', reason: 'the service answers 410' });
  });

  test.each([302, 400, 404, 413, 500, 502])('%s is that it is asked again later', async (status) => {
    const reason = `the service answers ${status}`;
    expect(await outcomeAt({ status })).toEqual({ kind: 'retry', reason });
  });

  test('may say when, or never come', async () => {
    expect(await outcomeAt({ status: 503, headers: { 'Retry-After': '60' } })).toEqual({
      kind: 'retry',
      reason: 'the service answers 503',
      afterMs: 60_000,
    });
    expect(await outcomeAt('hang', 100)).toEqual({
      kind: 'retry',
      reason: 'no answer in time',
      isUnanswered: true,
    });
    expect(await outcomeAt('cut')).toEqual({ kind: 'retry', reason: 'socket hang up', isUnanswered: true });
  });
});
