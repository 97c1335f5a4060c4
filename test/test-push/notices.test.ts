import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import type { Entry } from '../../src/history/entry.ts';
import { describeTestNotices } from '../../src/test-push/notice-report.ts';
import { noticeToUser, type TestNoticeOptions } from '../../src/test-push/notices.ts';
import type { ServiceOutcome } from '../../src/services/service.ts';
import { createTestClock } from '../support/clock.ts';
import { configFor, fakeService, withEndpoint } from '../support/notices.ts';
import { startPushService } from '../support/push-service.ts';
import { NOW_MS, temporaryFolder, testStore } from '../support/store.ts';

const clock = createTestClock(NOW_MS);

const entries: Entry[] = [];

function send(config: Config, changes: Partial<TestNoticeOptions> = {}): ReturnType<typeof noticeToUser> {
  const history = { record: (entry: Entry) => entries.push(entry) };
  const asked = { user: 'Alice', service: 'deltachat', mailbox: 'inbox' } as const;
  return noticeToUser({ config, clock, history, ...asked, ...changes });
}

const TOKEN = { service: 'deltachat', address: 'openpgp:secret' } as const;

describe('a test notice', () => {
  test('goes to each endpoint of the user and service at once, as a real one', async () => {
    const service = await startPushService();
    const store = testStore();
    await withEndpoint(store, 1, { ...TOKEN, isProven: false });
    await withEndpoint(store, 2, { ...TOKEN, user: 'bob' });
    await withEndpoint(store, 3);
    const { deltachat } = configFor(store.file);
    const config = configFor(store.file, { deltachat: { ...deltachat, enabled: true, notify: service.url } });
    const { notices, exitCode } = await send(config);
    expect(service.asked.map(({ body }) => body.toString())).toEqual(['openpgp:secret']);
    expect({ notices, exitCode }).toMatchObject({
      notices: [{ user: 'alice', id: 1, endpoint: '00000001', mailbox: 'INBOX', result: 'taken' }],
      exitCode: 0,
    });
    expect(describeTestNotices(notices)).toMatch(
      /^alice, deltachat 00000001, INBOX: the service took the notice\n {2}It wakes the app /,
    );
    expect(await store.listEndpoints({}, { afterId: 0, limit: 9 })).toMatchObject([
      { provenMs: null, lastSuccessMs: null },
      { user: 'bob' },
      { service: 'webpush' },
    ]);
    service.mood = 'cut';
    expect(await send(config)).toMatchObject({ exitCode: 69, notices: [{ result: 'unreachable' }] });
  });

  test('tells webhooks at each address, of a user who has had no event yet', async () => {
    const service = await startPushService();
    const secretFile = join(temporaryFolder(), 'secret');
    writeFileSync(secretFile, 'sixteen letters or more\n', { mode: 0o600 });
    const { webhook } = configFor('/nowhere/x.db');
    const urls = [`${service.url}one`, `${service.url}two`];
    const config = configFor('/nowhere/x.db', { webhook: { ...webhook, urls, secretFile } });
    const { notices, exitCode } = await send(config, { service: 'webhook', mailbox: 'Archive' });
    expect(exitCode).toBe(0);
    expect(notices.map(({ id, result }) => [id, result])).toEqual([
      [null, 'taken'],
      [null, 'taken'],
    ]);
    expect(service.asked.map(({ path }) => path).sort()).toEqual(['/one', '/two']);
    expect(JSON.parse(service.asked[0]?.body.toString() ?? '')).toMatchObject({
      ...{ event: 'test', user: 'alice', mailbox: 'Archive' },
    });
  });

  test('removes what is gone, and that is in the history', async () => {
    const store = testStore();
    await withEndpoint(store, 1, TOKEN);
    const gone = fakeService('deltachat', () => ({ kind: 'gone', reason: 'the service answers 410' }));
    const { notices, exitCode } = await send(configFor(store.file), {
      services: new Map([['deltachat', gone]]),
    });
    expect(exitCode).toBe(75);
    expect(describeTestNotices(notices)).toContain(
      'no such endpoint any more: the service answers 410. The endpoint was removed;',
    );
    expect(await store.listEndpoints({}, { afterId: 0, limit: 9 })).toEqual([]);
    expect(entries).toMatchObject([{ kind: 'endpoint', change: 'removed', endpoint: '00000001' }]);
    expect(gone.isClosed).toBe(true);
  });

  test('leaves one that was registered again meanwhile', async () => {
    const store = testStore();
    await withEndpoint(store, 1, TOKEN);
    const gone = fakeService('deltachat', async () => {
      await withEndpoint(store, 1, { ...TOKEN, nowMs: NOW_MS + 5 });
      return { kind: 'gone', reason: 'the service answers 410' };
    });
    const { notices } = await send(configFor(store.file), { services: new Map([['deltachat', gone]]) });
    expect(notices).toMatchObject([
      { result: 'refused', meaning: expect.not.stringContaining('removed') as string },
    ]);
    expect(await store.listEndpoints({}, { afterId: 0, limit: 9 })).toHaveLength(1);
  });

  test.each<[ServiceOutcome, string, string]>([
    [
      { kind: 'retry', reason: 'the service answers 503' },
      'refused',
      'The service answers 503. Real notices',
    ],
    [{ kind: 'rejected', reason: 'the service answers 413' }, 'refused', 'The service answers 413.'],
    [{ kind: 'misconfigured', reason: 'no key' }, 'misconfigured', 'No key. See: xapplepush check.'],
  ])('that ends with %j', async (outcome, result, meaning) => {
    const store = testStore();
    await withEndpoint(store, 1, TOKEN);
    const services = new Map([['deltachat' as const, fakeService('deltachat', () => outcome)]]);
    const { notices, exitCode } = await send(configFor(store.file), { services });
    expect({ exitCode, notices }).toMatchObject({
      exitCode: 75,
      notices: [{ result, meaning: expect.stringMatching(meaning) as string }],
    });
    expect(await store.listEndpoints({}, { afterId: 0, limit: 9 })).toHaveLength(1);
  });

  test('is not sent to what has run out, to nobody, nor by a service that is off', async () => {
    const store = testStore();
    await withEndpoint(store, 1, { ...TOKEN, expiresMs: NOW_MS });
    const service = fakeService('deltachat');
    const services = new Map([['deltachat' as const, service]]);
    const config = configFor(store.file);
    expect(await send(config, { services })).toMatchObject({ exitCode: 75, notices: [{ result: 'unsent' }] });
    await expect(send(config, { services, user: 'bob' })).rejects.toMatchObject({ exitCode: 65 });
    await expect(send(config)).rejects.toMatchObject({ exitCode: 78 });
    expect(service.sent).toEqual([]);
  });
});
