import { describe, expect, onTestFinished, test } from 'vitest';
import {
  openPoster,
  type Poster,
  type PosterOptions,
  type PostResult,
} from '../../src/services/http-post.ts';
import { startPushService } from '../support/push-service.ts';

const NOW_MS = Date.parse('2026-12-01T06:00:00Z');

function poster(options: Partial<PosterOptions> = {}): Poster {
  const opened = openPoster({ nowMs: () => NOW_MS, ...options });
  onTestFinished(() => opened.close());
  return opened;
}

function post(by: Poster, url: string, timeoutMs = 5000): Promise<PostResult> {
  return by.post({ url: new URL(url), headers: { 'X-A': 'b' }, body: 'grüße', timeoutMs });
}

describe('one POST', () => {
  test('brings body and headers, with nothing of ours besides', async () => {
    const service = await startPushService();
    expect(await post(poster(), `${service.url}a?b=c`)).toEqual({ status: 201 });
    expect(service.asked).toEqual([
      {
        method: 'POST',
        path: '/a?b=c',
        headers: {
          'x-a': 'b',
          host: `127.0.0.1:${service.port}`,
          'content-length': '7',
          connection: 'keep-alive',
        },
        body: Buffer.from('grüße'),
        mood: service.mood,
      },
    ]);
  });

  test.each([
    ['30', 30_000],
    ['Tue, 01 Dec 2026 06:02:00 GMT', 120_000],
  ])('tells when to come again: %s', async (value, retryAfterMs) => {
    const service = await startPushService();
    service.mood = { status: 429, headers: { 'Retry-After': value } };
    expect(await post(poster(), service.url)).toEqual({ status: 429, retryAfterMs });
  });

  test.each([301, 302, 303, 307, 308])('%s leads nowhere', async (status) => {
    const [service, elsewhere] = [await startPushService(), await startPushService()];
    service.mood = { status, headers: { Location: elsewhere.url } };
    expect(await post(poster(), service.url)).toEqual({ status });
    expect([service.asked.length, elsewhere.connections]).toEqual([1, 0]);
  });

  test('ends with its time, where nobody answers', async () => {
    const service = await startPushService();
    service.mood = 'hang';
    const startMs = performance.now();
    expect(await post(poster(), service.url, 200)).toEqual({ noAnswer: 'no answer in time' });
    expect(performance.now() - startMs).toBeLessThan(2000);
  });

  test('ends with its time also where it waits for its turn behind others', async () => {
    const service = await startPushService();
    service.mood = 'hang';
    const by = poster();
    const others = Array.from({ length: 16 }, () => post(by, service.url, 1500));
    const startMs = performance.now();
    expect(await post(by, service.url, 200)).toEqual({ noAnswer: 'no answer in time' });
    expect(performance.now() - startMs).toBeLessThan(1000);
    expect(await Promise.all(others)).toEqual(others.map(() => ({ noAnswer: 'no answer in time' })));
    service.mood = { status: 201 };
    expect(await post(by, service.url)).toEqual({ status: 201 });
    expect(service.asked).toHaveLength(17); // the one in between was never sent
  });

  test('tells that nobody is there, and that the connection was cut', async () => {
    const service = await startPushService();
    service.mood = 'cut';
    expect(await post(poster(), service.url)).toEqual({ noAnswer: 'socket hang up' });
    expect(await post(poster(), 'http://127.0.0.1:1/')).toEqual({
      noAnswer: 'connect ECONNREFUSED 127.0.0.1:1',
    });
    expect(await post(poster(), 'http://localhost:1/')).toEqual({
      noAnswer: expect.stringContaining('ECONNREFUSED') as string,
    });
  });
});

describe('the connection', () => {
  test('is kept for the next notice', async () => {
    const service = await startPushService();
    const by = poster();
    for (let count = 0; count < 3; count += 1) {
      expect(await post(by, service.url)).toEqual({ status: 201 });
    }
    expect([service.asked.length, service.connections]).toEqual([3, 1]);
  });

  test('that has ended meanwhile costs no notice its attempt', async () => {
    const service = await startPushService();
    const by = poster();
    await post(by, service.url);
    service.forget();
    expect(await post(by, service.url)).toEqual({ status: 201 });
    expect(service.connections).toBe(2);
  });

  test('is ended by an answer that is too long, whose status counts', async () => {
    const service = await startPushService();
    service.mood = { status: 200, body: 'x'.repeat(1_000_000) };
    const by = poster();
    for (let count = 0; count < 2; count += 1) {
      expect(await post(by, service.url)).toEqual({ status: 200 });
    }
    expect(service.connections).toBe(2);
  });

  test('is ended with the time of an answer whose end never comes, and its status counts', async () => {
    const service = await startPushService();
    service.mood = { status: 410, headers: { 'Content-Length': '100' }, body: 'x' };
    expect(await post(poster(), service.url, 300)).toEqual({ status: 410 });
  });
});
