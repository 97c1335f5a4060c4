import { readFileSync } from 'node:fs';
import { connect as connectHttp2, type OutgoingHttpHeaders } from 'node:http2';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { requestHeaders } from '../../../src/apns/exchange.ts';
import { createAuthority, issueClientCertificate } from '../../../src/apns/credentials/pki.ts';
import { startMockApns } from '../../../src/apns/mock/server.ts';
import { ExitCode, OperatorError } from '../../../src/process/errors.ts';
import {
  connectTo,
  pushFor,
  startTestApns,
  tokenNo,
  withMockApns,
  type TestApns,
} from '../../support/apns.ts';

const AMPLE_MS = 20_000;

let mock: TestApns;
beforeAll(async () => {
  mock = await startTestApns();
});
afterAll(() => mock.close());
beforeEach(() => {
  mock.setAnswers('*', []);
  mock.setAnswers(tokenNo(1), []);
  mock.received.length = 0;
});

/** A request of Node's own HTTP/2 client, which sends what it is told, however wrong. */
async function ask(headers: OutgoingHttpHeaders, body: string): Promise<{ status: unknown; body: unknown }> {
  const session = connectHttp2(mock.url, tls());
  const stream = session.request(headers);
  let status: unknown;
  stream.on('response', (received) => {
    status = received[':status'];
  });
  stream.end(body);
  stream.setEncoding('utf8');
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  session.close();
  return { status, body: text === '' ? undefined : JSON.parse(text) };
}

function tls(): ConnectionOptions {
  const { clientCertificate, clientKey, ca } = mock.files;
  return { cert: readFileSync(clientCertificate), key: readFileSync(clientKey), ca: readFileSync(ca) };
}

/** What becomes of a TLS connection that sends nothing: the error's code, `closed`, or what the server said. */
function fate(options: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTls(mock.port, '127.0.0.1', {
      ca: readFileSync(mock.ca),
      ALPNProtocols: ['h2'],
      ...options,
    });
    socket.on('data', () => {
      resolve('served');
      socket.destroy();
    });
    socket.on('error', (error: Error) => {
      resolve('code' in error ? String(error.code) : error.message);
    });
    socket.on('close', () => {
      resolve('closed');
    });
  });
}

describe('who gets in', () => {
  test('its own client certificate', async () => {
    expect(await fate(tls())).toBe('served');
  });
  test('nobody without a certificate', async () => {
    const before = mock.connections;
    expect(await fate({})).not.toBe('served');
    expect(mock.connections).toBe(before);
  });
  test('no certificate of another authority', async () => {
    const stranger = issueClientCertificate(createAuthority('stranger'), { topic: mock.topic });
    const before = mock.connections;
    expect(await fate({ cert: stranger.certificatePem, key: stranger.keyPem })).not.toBe('served');
    expect(mock.connections).toBe(before);
  });
  test('no TLS below 1.2', async () => {
    const old = {
      ...tls(),
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    } as const;
    expect(await fate(old)).toMatch(/^(ERR_SSL_.*PROTOCOL.*|ECONNRESET)$/);
  });
});

describe('a request', () => {
  test('that is right: 200, no body, and all of it received', async () => {
    const push = { ...pushFor(mock), payload: '{"aps":{"account-id":"A1B2","m":["00ff"]}}' };
    expect(await ask(requestHeaders(push), push.payload)).toEqual({ status: 200, body: undefined });
    const { atMs, connection, ...received } = mock.received[0]!;
    expect(received).toEqual({
      deviceToken: push.deviceToken,
      topic: mock.topic,
      apnsId: push.apnsId,
      expirationS: push.expirationS,
      pushType: 'background',
      priority: '5',
      accountId: 'A1B2',
      m: ['00ff'],
      payload: { aps: { 'account-id': 'A1B2', m: ['00ff'] } },
      answer: '200',
    });
    expect(atMs).toBeGreaterThan(0);
    expect(connection).toBe(mock.connections);
  });

  test('that is wrong: refused whatever the answer would be, and received too', async () => {
    mock.setAnswers('*', ['silent']);
    const headers = { ...requestHeaders(pushFor(mock)), 'apns-topic': 'other' };
    expect(await ask(headers, '{"aps":{}}')).toEqual({ status: 400, body: { reason: 'TopicDisallowed' } });
    expect(mock.received).toMatchObject([{ topic: 'other', accountId: '', answer: '400/TopicDisallowed' }]);
  });

  test('with the same header twice', async () => {
    const headers = { ...requestHeaders(pushFor(mock)), 'apns-collapse-id': ['a', 'b'] };
    expect(await ask(headers, '{"aps":{}}')).toMatchObject({
      status: 400,
      body: { reason: 'DuplicateHeaders' },
    });
  });

  test('with a megabyte', async () => {
    const body = JSON.stringify({ aps: { 'account-id': 'x'.repeat(1_000_000) } });
    expect(await ask(requestHeaders(pushFor(mock)), body)).toEqual({
      status: 413,
      body: { reason: 'PayloadTooLarge' },
    });
  });

  test('with m as a string, which Mail takes for none', async () => {
    await ask(requestHeaders(pushFor(mock)), '{"aps":{"m":"00ff"}}');
    expect(mock.received[0]).not.toHaveProperty('m');
  });
});

describe('answers', () => {
  test('of a token and of the others, in turn', async () => {
    mock.setAnswers(tokenNo(1).toUpperCase(), ['500', '429/TooManyRequests+30', '200']);
    mock.setAnswers('*', [{ status: 503, reason: 'ServiceUnavailable' }]);
    const connection = await connectTo(mock);
    const answers = [];
    for (const n of [1, 2, 1, 1, 1]) answers.push(await connection.push(pushFor(mock, n), AMPLE_MS));
    expect(answers).toEqual([
      { status: 500, reason: 'InternalServerError' },
      { status: 503, reason: 'ServiceUnavailable' },
      { status: 429, reason: 'TooManyRequests', retryAfterMs: 30_000 },
      { status: 200 },
      { status: 200 },
    ]);
    await connection.close();
  });

  test('410 always has a timestamp', async () => {
    mock.setAnswers('*', ['410/ExpiredToken@7', '410']);
    const connection = await connectTo(mock);
    expect(await connection.push(pushFor(mock), AMPLE_MS)).toMatchObject({
      reason: 'ExpiredToken',
      timestampMs: 7,
    });
    const { timestampMs } = await connection.push(pushFor(mock), AMPLE_MS);
    expect(timestampMs).toBeGreaterThan(1_700_000_000_000);
    await connection.close();
  });

  test('after GOAWAY nothing more is processed on that connection', async () => {
    mock.setAnswers('*', ['200', 'goaway', '200']);
    const connection = await connectTo(mock);
    const pushes = [1, 2, 3, 4].map((n) => connection.push(pushFor(mock, n), AMPLE_MS));
    const results = await Promise.allSettled(pushes);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected']);
    expect(mock.received.map(({ answer }) => answer)).toEqual(['200', 'goaway']);
    await connection.close();
  });
});

test('SETTINGS say how many streams there may be', async () => {
  await withMockApns({ maxConcurrentStreams: 7 }, async (small) => {
    const connection = await connectTo(small);
    expect(connection.capacity).toBe(7);
    await connection.close();
  });
});

test('SETTINGS can be changed later, for connections that are open and for those to come', async () => {
  await withMockApns({}, async (limited) => {
    const open = await connectTo(limited);
    limited.limitStreams(0);
    await expect.poll(() => open.capacity).toBe(0);
    const waiting = open.push(pushFor(limited, 1), AMPLE_MS);
    const later = await connectTo(limited);
    expect(later.capacity).toBe(0);
    limited.limitStreams(3);
    expect((await waiting).status).toBe(200);
    await expect.poll(() => [open.capacity, later.capacity]).toEqual([3, 3]);
    await Promise.all([open.close(), later.close()]);
  });
});

test('a certificate of the same authority with another topic is served under that topic alone', async () => {
  const authority = {
    certificatePem: readFileSync(mock.files.ca, 'utf8'),
    keyPem: readFileSync(mock.files.caKey, 'utf8'),
  };
  const { certificatePem: cert, keyPem: key } = issueClientCertificate(authority, {
    topic: 'com.apple.mail.other',
  });
  const session = connectHttp2(mock.url, { ca: authority.certificatePem, cert, key });
  const status = (topic: string): Promise<unknown> =>
    new Promise((resolve) => {
      const stream = session.request(requestHeaders({ ...pushFor(mock), topic }));
      stream.on('response', (headers) => {
        resolve(headers[':status']);
      });
      stream.end('{"aps":{}}');
    });
  expect([await status('com.apple.mail.other'), await status(mock.topic)]).toEqual([200, 400]);
  session.destroy();
});

test('a port that is taken', async () => {
  const attempt = startMockApns({ dir: mock.dir, port: mock.port });
  await expect(attempt).rejects.toThrow(OperatorError);
  await expect(attempt).rejects.toMatchObject({ exitCode: ExitCode.unavailable });
});
