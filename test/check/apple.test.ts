import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, test } from 'vitest';
import type { Credential } from '../../src/apns/credentials/credentials.ts';
import { mockFiles } from '../../src/apns/mock/ca.ts';
import { startMockApns } from '../../src/apns/mock/server.ts';
import type { Answer } from '../../src/apns/push.ts';
import { checkApple } from '../../src/check/apple.ts';
import { systemClock } from '../../src/process/clock.ts';
import { judgeZeroPush } from '../../src/check/apple-answer.ts';
import type { Point } from '../../src/check/point.ts';
import type { ApnsConfig } from '../../src/config/config.ts';
import { answer, listening, scriptedServer, tlsOf } from '../apns/scripted-server.ts';
import { apnsConfig, credentialFor, type TestApns, withMockApns } from '../support/apns.ts';
import { rowsOf, temporaryFolder, testStore } from '../support/store.ts';

const ZEROS = '0'.repeat(64);

/** The group against that stand-in, with another configuration where `changes` say so. */
function run(mock: TestApns, changes: Partial<ApnsConfig> = {}, timeoutMs = 5000): Promise<Point[]> {
  const credentials = [credentialFor(mock)];
  return checkApple({
    apns: { ...apnsConfig(mock), ...changes },
    credentials,
    store: undefined,
    clock: systemClock,
    timeoutMs,
  });
}

function states(points: readonly Point[]): string[] {
  return points.map(({ point, state }) => `${point.replace('Apple: ', '')}: ${state}`);
}

describe('the steps towards Apple', () => {
  test('all go well, and the push to zeros is the only one', async () => {
    await withMockApns({}, async (mock) => {
      const points = await run(mock);
      expect(states(points)).toEqual(['name: ok', 'port: ok', 'TLS: ok', 'HTTP/2: ok', 'push: ok']);
      expect(points.at(-1)?.text).toBe(`Apple takes the credential for ${mock.topic}`);
      expect(mock.received).toMatchObject([{ deviceToken: ZEROS, topic: mock.topic, payload: { aps: {} } }]);
    });
  });

  test('a host name is resolved', async () => {
    await withMockApns({}, async (mock) => {
      const server = new URL(`https://localhost:${mock.port}`);
      const [name, ...rest] = await run(mock, { server });
      expect(name).toMatchObject({ state: 'ok', text: expect.stringContaining('127.0.0.1') as string });
      expect(rest.every(({ state }) => state === 'ok')).toBe(true);
    });
  });

  test('without a usable credential TLS is judged all the same', async () => {
    await withMockApns({}, async (mock) => {
      const points = await checkApple({
        ...{
          apns: apnsConfig(mock),
          credentials: undefined,
          store: undefined,
          clock: systemClock,
          timeoutMs: 5000,
        },
      });
      expect(states(points)).toEqual(['name: ok', 'port: ok', 'TLS: ok', 'HTTP/2: skipped', 'push: skipped']);
      expect(points.at(-1)?.text).toBe('needs first: credential');
    });
  });

  test('a name that nobody knows', async () => {
    await withMockApns({}, async (mock) => {
      const points = await run(mock, { server: new URL('https://apple.invalid') });
      expect(states(points)).toEqual([
        ...['name: problem', 'port: skipped', 'TLS: skipped', 'HTTP/2: skipped', 'push: skipped'],
      ]);
      expect(points[0]?.fix).toContain('getent hosts apple.invalid');
      expect(points[4]?.text).toBe('needs first: Apple: name');
    });
  });

  test('a port where nobody listens', async () => {
    await withMockApns({}, async (mock) => {
      const server = await listening(createServer(), (url) => Promise.resolve(url));
      const points = await run(mock, { server });
      expect(states(points).slice(0, 3)).toEqual(['name: ok', 'port: problem', 'TLS: skipped']);
      expect(points[1]?.text).toContain('connection refused (ECONNREFUSED)');
      expect(points[1]?.fix).toContain(`port ${server.port}`);
    });
  });

  test('a server that says nothing', async () => {
    await withMockApns({}, async (mock) => {
      const silent = createServer((socket) => socket.on('error', () => undefined));
      const points = await listening(silent, (server) => run(mock, { server }, 200));
      expect(states(points).slice(1, 4)).toEqual(['port: ok', 'TLS: problem', 'HTTP/2: skipped']);
      expect(points[2]?.text).toContain('no answer within 200 ms');
    });
  });

  test('a server that speaks something else than TLS', async () => {
    await withMockApns({}, async (mock) => {
      const smtp = createServer((socket) => socket.on('error', () => undefined).end('220 hello\r\n'));
      const points = await listening(smtp, (server) => run(mock, { server }));
      expect(states(points)[2]).toBe('TLS: problem');
    });
  });

  test('a server that speaks no HTTP/2', async () => {
    await withMockApns({}, async (mock) => {
      const old = createTlsServer({ ...tlsOf(mock), ALPNProtocols: ['http/1.1'] });
      const points = await listening(old, (server) => run(mock, { server }));
      expect(states(points)[2]).toBe('TLS: problem');
      expect(points[2]?.text).toContain('the server speaks no HTTP/2');
    });
  });

  test('a server that we have no reason to trust', async () => {
    await withMockApns({}, async (mock) => {
      const other = mockFiles(temporaryFolder());
      const points = await run(mock, { ca: other.ca });
      expect(states(points).slice(2)).toEqual(['TLS: problem', 'HTTP/2: skipped', 'push: skipped']);
      expect(points[2]?.text).toContain('its certificate is not trusted');
    });
  });

  test('a root certificate that is not there', async () => {
    await withMockApns({}, async (mock) => {
      const points = await run(mock, { ca: '/no/such/ca.pem' });
      expect(states(points)[2]).toBe('TLS: problem');
      expect(points[2]?.text).toContain('apns.ca: cannot read /no/such/ca.pem');
    });
  });

  test('a client certificate that the server does not take', async () => {
    await withMockApns({}, async (mock) => {
      const other = mockFiles(temporaryFolder());
      const dir = temporaryFolder();
      for (const name of ['ca.key', 'ca.pem', 'client.pem', 'client.key', 'client.p12', 'client.passphrase'])
        writeFileSync(join(dir, name), readFileSync(join(other.dir, name)));
      for (const name of ['server.pem', 'server.key'])
        writeFileSync(join(dir, name), readFileSync(join(mock.dir, name)));
      const stranger = await startMockApns({ dir, port: 0 });
      const points = await run(mock, { server: stranger.url }).finally(() => stranger.close());
      expect(states(points).slice(3)).toEqual(['HTTP/2: problem', 'push: skipped']);
      expect(points[3]?.text).toMatch(/refuses our/);
    });
  });
});

type Act = (stream: ServerHttp2Stream, session: ServerHttp2Session) => void;

function says(status: number, reason?: string): Act {
  return (stream) => {
    answer(stream, status, reason === undefined ? '' : JSON.stringify({ reason }));
  };
}

// The stand-in always refuses zeros with BadDeviceToken, so that other answers come from a scripted server.
const MOODS: [string, Act, Point['state'], RegExp][] = [
  ['200', says(200), 'warning', /^Apple says 200 for/],
  ['BadDeviceToken', says(400, 'BadDeviceToken'), 'ok', /takes the credential/],
  ['TopicDisallowed', says(400, 'TopicDisallowed'), 'problem', /400 TopicDisallowed for .*topic.*not fit/],
  ['DeviceTokenNotForTopic', says(400, 'DeviceTokenNotForTopic'), 'problem', /DeviceTokenNotForTopic/],
  ['BadPriority', says(400, 'BadPriority'), 'problem', /a bug of this program/],
  ['BadCertificate', says(403, 'BadCertificate'), 'problem', /does not accept our credential/],
  [
    'BadCertificateEnvironment',
    says(403, 'BadCertificateEnvironment'),
    'problem',
    /not accept our credential/,
  ],
  ['InvalidProviderToken', says(403, 'InvalidProviderToken'), 'problem', /does not accept our credential/],
  ['403', says(403), 'problem', /403 for .*forbidden/],
  ['404', says(404, 'BadPath'), 'problem', /404 BadPath/],
  ['410', says(410, 'Unregistered'), 'warning', /410 Unregistered/],
  ['429', says(429, 'TooManyRequests'), 'warning', /429 TooManyRequests/],
  ['TooManyProviderTokenUpdates', says(429, 'TooManyProviderTokenUpdates'), 'warning', /renewed too often/],
  ['500', says(500, 'InternalServerError'), 'warning', /500 InternalServerError.*a fault of its own/],
  ['503', says(503, 'ServiceUnavailable'), 'warning', /503 ServiceUnavailable/],
  ['Shutdown', says(503, 'Shutdown'), 'warning', /503 Shutdown/],
  ['silent', () => undefined, 'problem', /no answer for .*: no answer within \d+ ms$/],
  ['reset', (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR), 'problem', /no answer for/],
  ['disconnect', (_stream, session) => session.destroy(), 'problem', /no answer for/],
  [
    'goaway',
    (stream, session) => {
      session.goaway(constants.NGHTTP2_NO_ERROR, 0, Buffer.from('{"reason":"Shutdown"}'));
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
    },
    'problem',
    /no answer for .*going away \(Shutdown\)/,
  ],
];

describe('the push to zeros', () => {
  test.each(MOODS)('%s', async (_name, act, state, text) => {
    await withMockApns({}, async (mock) => {
      await listening(scriptedServer(mock, 10, act), async (server) => {
        const push = (await run(mock, { server }, 1000)).at(-1);
        expect(push).toMatchObject({ point: 'Apple: push', state });
        expect(push?.text).toMatch(text);
        expect(push?.fix === null).toBe(state === 'ok');
      });
    });
  });

  const OTHER_ENVIRONMENT = /for the other environment: correct apns\.server or the certificate/;

  test('an end of the connection that refuses the certificate has the fix of the 403', async () => {
    await withMockApns({}, async (mock) => {
      mock.setAnswers(ZEROS, ['goaway/BadCertificateEnvironment']);
      expect((await run(mock, {}, 5000)).at(-1)?.fix).toMatch(OTHER_ENVIRONMENT);
    });
  });

  test('and so has one that comes at once', async () => {
    await withMockApns({}, async (mock) => {
      const server = scriptedServer(mock, 10, says(200));
      server.on('session', (session) => {
        session.goaway(constants.NGHTTP2_NO_ERROR, 0, Buffer.from('{"reason":"BadCertificateEnvironment"}'));
        setImmediate(() => session.destroy());
      });
      await listening(server, async (url) => {
        const found = (await run(mock, { server: url }, 5000)).find(({ state }) => state === 'problem');
        expect(found?.fix).toMatch(OTHER_ENVIRONMENT);
      });
    });
  });

  test('each credential goes over a connection of its own, and each of its topics is tried', async () => {
    await withMockApns({}, async (mock) => {
      const credential = credentialFor(mock);
      const further = { ...credential, topics: ['com.apple.mail.XServer.other', mock.topic] };
      const points = await checkApple({
        ...{
          apns: apnsConfig(mock),
          credentials: [credential, further],
          store: undefined,
          clock: systemClock,
          timeoutMs: 5000,
        },
      });
      expect(states(points).slice(3)).toEqual([
        ...['HTTP/2: ok', 'push: ok', 'HTTP/2 2: ok', 'push 2: problem', 'push 2: ok'],
      ]);
      expect(new Set(mock.received.map(({ connection }) => connection)).size).toBe(2);
    });
  });

  test('a provider token goes with the push, and no certificate', async () => {
    await withMockApns({}, async (mock) => {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const credential: Credential = {
        ...{ kind: 'token', keyPem: String(privateKey.export({ type: 'pkcs8', format: 'pem' })) },
        ...{ keyId: 'ABC123DEFG', teamId: 'DEF123GHIJ', topic: mock.topic, topics: [mock.topic] },
        ...{ fingerprint: '', files: [], notAfterMs: undefined },
      };
      const seen: unknown[] = [];
      const server = scriptedServer(mock, 10, (stream) => {
        answer(stream, 400, '{"reason":"BadDeviceToken"}');
      });
      server.on('stream', (_stream, headers) => seen.push(headers['authorization']));
      const store = testStore();
      await listening(server, async (url) => {
        const apns = { ...apnsConfig(mock), server: url };
        const options = { apns, credentials: [credential], clock: systemClock, timeoutMs: 5000 };
        const points = await checkApple({ ...options, store });
        expect(states(points).slice(2)).toEqual(['TLS: ok', 'HTTP/2: ok', 'push: ok']);
        // Without a database it would be a new token each time, which Apple refuses.
        expect(states(await checkApple({ ...options, store: undefined })).at(-1)).toBe('push: skipped');
      });
      expect(await rowsOf(store, 'SELECT count(*) AS tokens FROM provider_tokens')).toEqual([{ tokens: 1 }]);
      expect(seen).toEqual([expect.stringMatching(/^bearer [\w-]+\.[\w-]+\.[\w-]+$/)]);
    });
  });

  test.each<[Answer, string]>([
    [{ status: 403, reason: 'BadCertificateEnvironment' }, 'other environment'],
    [{ status: 403, reason: 'InvalidProviderToken' }, 'clock'],
    [{ status: 403, reason: 'SomethingNew' }, 'bug'],
    [{ status: 302 }, 'nothing here'],
    [{ status: 400, reason: 'BadTopic' }, 'apns.topic'],
  ])('%j has its fix', (answer, fix) => {
    expect(judgeZeroPush('p', 'topic', answer).fix).toContain(fix);
  });
});

describe('the stand-in in each of its moods', () => {
  test.each([
    ['403/BadCertificate', 'problem'],
    ['400/TopicDisallowed', 'problem'],
    ['429', 'warning'],
    ['500', 'warning'],
    ['503', 'warning'],
    ['silent', 'problem'],
    ['reset', 'problem'],
    ['goaway', 'problem'],
    ['disconnect', 'problem'],
  ] as const)('%s for the token of zeros: %s', async (mood, state) => {
    await withMockApns({}, async (mock) => {
      mock.setAnswers(ZEROS, [mood]);
      const points = await run(mock, {}, 1000);
      expect(points.at(-1)).toMatchObject({ point: 'Apple: push', state });
      expect(points.at(-1)?.fix).not.toBe('');
    });
  });
});
