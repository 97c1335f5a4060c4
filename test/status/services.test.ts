import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { jsonOf } from '../../src/status/json.ts';
import { rowsOf } from '../../src/status/screen.ts';
import { type ServicesLook, servicesOf } from '../../src/status/services.ts';
import { verdictOf } from '../../src/status/verdict.ts';
import { newMail, withEndpoint } from '../support/notices.ts';
import { healthy, MINUTE_MS } from '../support/status.ts';
import { NOW_MS, temporaryFolder, testStore } from '../support/store.ts';

const WELL: ServicesLook = {
  endpoints: { webpush: { endpoints: 3, users: 2, unproven: 0, failing: 0 } },
  waiting: 0,
  oldestMs: undefined,
};

const rowsOfServices = (services: ServicesLook): string[] =>
  rowsOf(healthy({ services })).flatMap(({ name, text, tone }) =>
    ['delta chat', 'web push', 'webhooks', 'notices'].includes(name) ? `${name}: ${text} (${tone})` : [],
  );

test('what is switched on is asked for, and nothing where nothing is', async () => {
  const file = join(temporaryFolder(), 'config.yaml');
  const store = testStore();
  await withEndpoint(store, 1);
  await withEndpoint(store, 2, { isProven: false, user: 'bob' });
  await store.enqueueNotices(newMail());
  writeFileSync(file, '');
  expect(await servicesOf(loadConfig(file, {}), store, NOW_MS)).toBeUndefined();
  writeFileSync(file, 'webpush: { enabled: true, subject: mailto:a@example.org }\n');
  expect(await servicesOf(loadConfig(file, {}), store, NOW_MS)).toEqual({
    endpoints: { webpush: { endpoints: 2, users: 2, unproven: 1, failing: 0 } },
    waiting: 1,
    oldestMs: NOW_MS,
  });
});

describe('other push services', () => {
  test('have a row each, and what waits one', () => {
    expect(rowsOfServices(WELL)).toEqual([
      'web push: 3 endpoints, of 2 users (plain)',
      'notices: 0 waiting (plain)',
    ]);
    const endpoints = { ...WELL.endpoints, webhook: { endpoints: 1, users: 1, unproven: 1, failing: 1 } };
    const [, webhook, notices] = rowsOfServices({ endpoints, waiting: 2, oldestMs: NOW_MS - MINUTE_MS });
    expect(webhook).toBe(
      'webhooks: 1 endpoint, of 1 user; 1 not proven yet; of 1 the latest notice failed (attention)',
    );
    expect(notices).toMatch(/^notices: 2 waiting, the oldest since 2023-11-14T22:12:20Z/);
  });

  test('are in the JSON where one is switched on', () => {
    expect(jsonOf(healthy())).not.toHaveProperty('services');
    const { endpoints } = WELL;
    expect(jsonOf(healthy({ services: { endpoints, waiting: 1, oldestMs: NOW_MS } }))).toMatchObject({
      services: { endpoints, waiting: 1, oldestWaiting: '2023-11-14T22:13:20Z' },
    });
  });

  test('that have not taken a notice for ten minutes deserve attention', () => {
    const verdict = (waitedMs: number): string =>
      verdictOf(healthy({ services: { ...WELL, waiting: 1, oldestMs: NOW_MS - waitedMs } })).text;
    expect(verdict(9 * MINUTE_MS)).toBe('works');
    expect(verdict(10 * MINUTE_MS)).toBe(
      'works, but a notice to another push service has waited for 10 minutes; ' +
        'fix: start xapplepush serve, or have xapplepush flush run: nobody else sends notices',
    );
  });
});
