import { describe, expect, test } from 'vitest';
import type { Subscriptions } from '../../src/intake/subscriptions.ts';
import { ask, type HttpAnswer, testDoor } from '../support/http-door.ts';
import { webPushApp } from '../support/web-push-app.ts';

const ENDPOINT = 'https://push.example.net/abc';
const SUBSCRIPTION = webPushApp().subscriptionAt(ENDPOINT);
const PLACE = '/webpush/subscriptions';

/** A desk that notes what it is asked. */
function desk(changes: Partial<Subscriptions> = {}): Subscriptions & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    key: () => Promise.resolve('BKey'),
    register: (user, { endpoint }) => {
      asked.push(`register ${user} ${endpoint}`);
      return Promise.resolve({ isProven: false });
    },
    remove: (user, endpoint) => {
      asked.push(`remove ${user} ${endpoint}`);
      return Promise.resolve(user === 'alice');
    },
    ...changes,
  };
}

const AUTHORIZATION = { Authorization: `Basic ${Buffer.from('webmail:secret').toString('base64')}` };

async function asked(
  subscriptions: Subscriptions | undefined,
  [method, path, body]: readonly [method: string, path: string, body?: string | undefined],
  headers: Record<string, string> = AUTHORIZATION,
): Promise<HttpAnswer> {
  const door = await testDoor({
    subscriptions: subscriptions && (() => Promise.resolve(subscriptions)),
    authorization: 'webmail:secret',
  });
  return ask(door, method, path, { ...(body !== undefined && { body }), headers });
}

describe('webmail, with its password,', () => {
  test('gets the key that browsers subscribe by', async () => {
    const { status, body } = await asked(desk(), ['GET', '/webpush/key']);
    expect([status, JSON.parse(body)]).toEqual([200, { key: 'BKey' }]);
  });

  test('subscribes a browser of a user, whom it names', async () => {
    const at = desk();
    const { status, body } = await asked(at, [
      'POST',
      `${PLACE}?user=%C3%A4lice%40example.org`,
      SUBSCRIPTION,
    ]);
    expect([status, JSON.parse(body)]).toEqual([202, { isProven: false }]);
    expect(at.asked).toEqual([`register älice@example.org ${ENDPOINT}`]);
  });

  test('takes it away again, and hears where there was none', async () => {
    const at = desk();
    const endpoint = `endpoint=${encodeURIComponent(ENDPOINT.replace('push', 'PUSH'))}`;
    expect((await asked(at, ['DELETE', `${PLACE}?user=alice&${endpoint}`])).status).toBe(204);
    expect((await asked(at, ['DELETE', `${PLACE}?user=bob&${endpoint}`])).status).toBe(404);
    expect(at.asked).toEqual([`remove alice ${ENDPOINT}`, `remove bob ${ENDPOINT}`]);
  });

  test.each([
    ['POST', PLACE, SUBSCRIPTION, 'user: expected'],
    ['POST', `${PLACE}?user=`, SUBSCRIPTION, 'user: expected'],
    ['POST', `${PLACE}?user=a%00b`, SUBSCRIPTION, 'user: expected'],
    ['POST', `${PLACE}?user=${'x'.repeat(513)}`, SUBSCRIPTION, 'user: expected'],
    ['POST', `${PLACE}?user=alice`, '{}', 'endpoint: expected'],
    ['DELETE', PLACE, undefined, 'user: expected'],
    ['DELETE', `${PLACE}?user=alice`, undefined, 'endpoint: expected'],
    ['DELETE', `${PLACE}?user=alice&endpoint=x`, undefined, 'endpoint: expected'],
  ] as const)('is told what is wrong with %s %s', async (method, path, body, why) => {
    const at = desk();
    const answer = await asked(at, [method, path, body]);
    expect([answer.status, answer.body]).toEqual([400, expect.stringContaining(why)]);
    expect(at.asked).toEqual([]);
  });

  test('is told that an address is none that may be called, and to try again where nothing can be kept', async () => {
    const refusing = desk({ register: () => Promise.resolve({ problem: 'its address is not public' }) });
    const refused = await asked(refusing, ['POST', `${PLACE}?user=alice`, SUBSCRIPTION]);
    expect([refused.status, JSON.parse(refused.body)]).toEqual([
      400,
      { error: 'endpoint: its address is not public' },
    ]);
    const failing = desk({ register: () => Promise.reject(new Error('disk full')) });
    const failed = await asked(failing, ['POST', `${PLACE}?user=alice`, SUBSCRIPTION]);
    expect([failed.status, failed.headers['retry-after']]).toEqual([503, '2']);
  });
});

describe('nobody else', () => {
  test('is answered: without the password, from a web page, and without any password at all', async () => {
    const at = desk();
    const call: [string, string, string] = ['POST', `${PLACE}?user=alice`, SUBSCRIPTION];
    const open = await testDoor({ subscriptions: () => Promise.resolve(at) });
    const answers = [
      await asked(at, call, {}),
      await asked(at, call, { ...AUTHORIZATION, Origin: 'https://evil.example' }),
      await ask(open, 'POST', call[1], { body: SUBSCRIPTION }),
      await ask(open, 'GET', '/webpush/key'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([401, 403, 403, 403]);
    expect(at.asked).toEqual([]);
  });

  test('finds anything where Web Push is off, nor by another method', async () => {
    for (const call of [
      ['GET', '/webpush/key'],
      ['POST', `${PLACE}?user=alice`, SUBSCRIPTION],
    ] as [string, string, string?][])
      expect((await asked(undefined, call)).status).toBe(404);
    const { status, headers } = await asked(desk(), ['GET', PLACE]);
    expect([status, headers.allow]).toEqual([405, 'POST, DELETE, PUT']);
  });
});
