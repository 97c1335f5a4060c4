import { createServer as createTcpServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { createServer as createHttpsServer } from 'node:https';
import { readFileSync } from 'node:fs';
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectApns, type ApnsConnection } from '../../src/apns/client.ts';
import { createAuthority, issueClientCertificate } from '../../src/apns/credentials/pki.ts';
import { NoAnswer } from '../../src/apns/push.ts';
import {
  connectTo,
  credentialFor,
  pushFor,
  startTestApns,
  tokenNo,
  withMockApns,
  type TestApns,
} from '../support/apns.ts';
import { answer, listening, NOT_APPLES, scriptedServer, tlsOf } from './scripted-server.ts';

const AMPLE_MS = 20_000;

/** Never connected to where a test has a server of its own; its certificates serve them all. */
let apple: TestApns;
beforeAll(async () => {
  apple = await startTestApns();
});
afterAll(() => apple.close());

function connect(url: URL, timeoutMs = AMPLE_MS): Promise<ApnsConnection> {
  return connectApns(url, credentialFor(apple), { ca: readFileSync(apple.ca, 'utf8'), timeoutMs });
}

/** Connects to a server that handles requests as the test says. */
function scripted<T>(
  onRequest: Parameters<typeof scriptedServer>[2],
  use: (connection: ApnsConnection) => Promise<T>,
  maxConcurrentStreams = 1000,
): Promise<T> {
  return listening(scriptedServer(apple, maxConcurrentStreams, onRequest), async (url) => {
    const connection = await connect(url);
    try {
      return await use(connection);
    } finally {
      await connection.close();
    }
  });
}

async function noAnswer(attempt: Promise<unknown>): Promise<NoAnswer> {
  const error: unknown = await attempt.then(
    () => new Error('it was answered'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof NoAnswer)) throw error;
  return error;
}

describe('an answer', () => {
  function good(status: number, body: string, headers: Record<string, string>, want: object): void {
    test(`${status} ${body.slice(0, 40)} ${JSON.stringify(headers)}`, async () => {
      await scripted(
        (stream) => {
          answer(stream, status, body, headers);
        },
        async (connection) => {
          expect(await connection.push(pushFor(apple), AMPLE_MS)).toEqual({ status, ...want });
        },
      );
    });
  }
  good(200, '', {}, {});
  good(
    410,
    '{"reason":"Unregistered","timestamp":1700000000000}',
    {},
    { reason: 'Unregistered', timestampMs: 1_700_000_000_000 },
  );
  good(
    429,
    '{"reason":"TooManyRequests"}',
    { 'retry-after': '30' },
    { reason: 'TooManyRequests', retryAfterMs: 30_000 },
  );
  good(500, '{"reason":"InternalServerError"}', {}, { reason: 'InternalServerError' });
  for (const [status, body] of [
    [200, '<html>'],
    [403, '<html>'],
    [403, '{"reason":"blocked by policy"}'],
    [407, ''],
    [410, ''],
  ] as const)
    good(status, body, NOT_APPLES, {
      ...(body.includes('blocked') && { reason: 'blocked by policy' }),
      foreign: true,
    });
  good(410, '{"reason":"Unregistered"}', NOT_APPLES, { reason: 'Unregistered' });
  good(503, '<html>', { 'retry-after': 'Fri, 31 Dec 1999 23:59:59 GMT' }, {});
  good(410, '{"reason":7,"timestamp":"yesterday"}', {}, {});
  good(400, '["reason"]', {}, {});
  good(400, '{"reason":"Bad\\u0000Token"}', {}, {}); // no database would take it
  good(400, 'null', {}, {});
  good(400, JSON.stringify({ reason: 'x'.repeat(1_000_000) }), {}, {});

  test('that is cut off is none', async () => {
    await scripted(
      (stream, session) => {
        stream.respond({ ':status': 400 });
        stream.write('{"reason":"BadDevi', () => {
          session.destroy();
        });
      },
      async (connection) => {
        expect((await noAnswer(connection.push(pushFor(apple), AMPLE_MS))).perhapsProcessed).toBe(true);
      },
    );
  });
});

test('the request is what Apple expects', async () => {
  await withMockApns({}, async (mock) => {
    const connection = await connectTo(mock);
    const push = pushFor(mock);
    await connection.push(push, AMPLE_MS);
    expect(mock.received[0]).toMatchObject({
      connection: 1,
      deviceToken: push.deviceToken,
      topic: mock.topic,
      apnsId: push.apnsId,
      expirationS: push.expirationS,
      pushType: 'background',
      priority: '5',
      payload: JSON.parse(push.payload) as object,
      answer: '200',
    });
    await connection.close();
  });
});

test('the connection stays open between pushes', async () => {
  await withMockApns({}, async (mock) => {
    const connection = await connectTo(mock);
    for (const n of [1, 2, 3]) {
      await connection.push(pushFor(mock, n), AMPLE_MS);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(connection.open).toBe(true);
    }
    expect(mock.connections).toBe(1);
    await connection.close();
  });
});

describe('concurrency', () => {
  test.each([1, 100])('as many streams at once as SETTINGS allow: %i', async (limit) => {
    const total = 250;
    const held: ServerHttp2Stream[] = [];
    let answered = 0;
    let most = 0;
    const onRequest = (stream: ServerHttp2Stream): void => {
      held.push(stream);
      most = Math.max(most, held.length);
      if (held.length < Math.min(limit, total - answered)) return;
      answered += held.length;
      for (const one of held.splice(0)) answer(one);
    };
    await scripted(
      onRequest,
      async (connection) => {
        expect(connection.capacity).toBe(limit);
        const pushes = Array.from({ length: total }, (_, n) => connection.push(pushFor(apple, n), AMPLE_MS));
        expect((await Promise.all(pushes)).filter(({ status }) => status === 200)).toHaveLength(total);
        expect(most).toBe(limit);
      },
      limit,
    );
  });

  test('new SETTINGS hold at once', async () => {
    const held: ServerHttp2Stream[] = [];
    await scripted(
      (stream, session) => {
        held.push(stream);
        if (held.length === 1) session.settings({ maxConcurrentStreams: 3 });
        if (held.length === 3) for (const one of held) answer(one);
      },
      async (connection) => {
        const pushes = [1, 2, 3].map((n) => connection.push(pushFor(apple, n), AMPLE_MS));
        expect(await Promise.all(pushes)).toHaveLength(3);
        expect(connection.capacity).toBe(3);
      },
      1,
    );
  });

  test.each(['at the start', 'later'])('no streams %s: a push waits until there are some', async (when) => {
    const served: ServerHttp2Stream[] = [];
    const server = scriptedServer(apple, when === 'later' ? 5 : 0, (stream) => {
      served.push(stream);
      answer(stream);
    });
    const sessions: ServerHttp2Session[] = [];
    server.on('session', (session) => sessions.push(session));
    await listening(server, async (url) => {
      const connection = await connect(url);
      if (when === 'later') {
        await connection.push(pushFor(apple, 0), AMPLE_MS);
        sessions[0]?.settings({ maxConcurrentStreams: 0 });
        await expect.poll(() => connection.capacity).toBe(0);
      }
      const before = served.length;
      const pushes = [1, 2, 3].map((n) => connection.push(pushFor(apple, n), AMPLE_MS));
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(served).toHaveLength(before);
      sessions[0]?.settings({ maxConcurrentStreams: 2 });
      expect((await Promise.all(pushes)).map(({ status }) => status)).toEqual([200, 200, 200]);
      await connection.close();
    });
  });

  test('no streams within the time: nothing was sent', async () => {
    await listening(
      scriptedServer(apple, 0, (stream) => answer(stream)),
      async (url) => {
        const connection = await connect(url);
        const error = await noAnswer(connection.push(pushFor(apple), 50));
        expect([error.perhapsProcessed, error.message.includes('no free stream')]).toEqual([false, true]);
        await connection.close();
      },
    );
  });

  test('a thousand pushes take one connection', async () => {
    await withMockApns({}, async (mock) => {
      const connection = await connectTo(mock);
      const pushes = Array.from({ length: 1000 }, (_, n) => connection.push(pushFor(mock, n), AMPLE_MS));
      const answers = await Promise.all(pushes);
      expect(answers.every(({ status }) => status === 200)).toBe(true);
      expect(new Set(mock.received.map(({ deviceToken }) => deviceToken)).size).toBe(1000);
      expect(mock.connections).toBe(1);
      await connection.close();
    });
  });
});

describe('no answer', () => {
  test('within the time: the push may have been processed, its stream is cancelled', async () => {
    const closed = new Promise((resolve) => {
      void scripted(
        (stream) =>
          stream.on('close', () => {
            resolve(stream.rstCode);
          }),
        async (connection) => {
          const error = await noAnswer(connection.push(pushFor(apple), 50));
          expect(error.perhapsProcessed).toBe(true);
          expect(error.message).toMatch(/^127\.0\.0\.1:\d+: no answer within \d+ ms$/);
          expect(connection.open).toBe(true);
        },
      );
    });
    expect(await closed).toBe(constants.NGHTTP2_CANCEL);
  });

  test('within the time for want of a stream: it was not sent', async () => {
    let requests = 0;
    await scripted(
      () => {
        requests += 1;
      },
      async (connection) => {
        const silent = noAnswer(connection.push(pushFor(apple, 1), AMPLE_MS));
        const error = await noAnswer(connection.push(pushFor(apple, 2), 50));
        expect(error.perhapsProcessed).toBe(false);
        expect(error.message).toContain('no free stream');
        expect(requests).toBe(1);
        await connection.close();
        expect((await silent).perhapsProcessed).toBe(true);
      },
      1,
    );
  });

  test('a silent device does not hold up the others', async () => {
    await withMockApns({ answers: { [tokenNo(1)]: ['silent'] } }, async (mock) => {
      const connection = await connectTo(mock);
      const silent = noAnswer(connection.push(pushFor(mock, 1), 500));
      expect(await connection.push(pushFor(mock, 2), AMPLE_MS)).toEqual({ status: 200 });
      expect((await silent).perhapsProcessed).toBe(true);
      await connection.close();
    });
  });

  test.each([
    [constants.NGHTTP2_INTERNAL_ERROR, true],
    [constants.NGHTTP2_CANCEL, true],
    [constants.NGHTTP2_REFUSED_STREAM, false],
  ])('stream reset with code %i: perhaps processed %o', async (code, perhapsProcessed) => {
    await scripted(
      (stream) => {
        stream.close(code);
      },
      async (connection) => {
        const error = await noAnswer(connection.push(pushFor(apple), AMPLE_MS));
        expect(error.perhapsProcessed).toBe(perhapsProcessed);
        expect(connection.open).toBe(true);
      },
    );
  });

  test('connection cut: all under way may have been processed, what waits was not', async () => {
    await withMockApns(
      { maxConcurrentStreams: 2, answers: { '*': ['silent', 'disconnect'] } },
      async (mock) => {
        const connection = await connectTo(mock);
        const pushes = [1, 2, 3, 4].map((n) => noAnswer(connection.push(pushFor(mock, n), AMPLE_MS)));
        const perhaps = (await Promise.all(pushes)).map(({ perhapsProcessed }) => perhapsProcessed);
        expect(perhaps).toEqual([true, true, false, false]);
        expect(mock.received).toHaveLength(2);
        expect(connection.open).toBe(false);
        await connection.close();
      },
    );
  });
});

describe('GOAWAY', () => {
  test('streams above the last id were not processed, those before get their answer', async () => {
    await withMockApns({ answers: { [tokenNo(4)]: ['goaway', '200'] } }, async (mock) => {
      const connection = await connectTo(mock);
      const pushes = [1, 2, 3, 4, 5, 6].map((n) => pushFor(mock, n));
      const results = await Promise.allSettled(pushes.map((push) => connection.push(push, AMPLE_MS)));
      const refused = results.flatMap((result) =>
        result.status === 'rejected' ? [result.reason as NoAnswer] : [],
      );
      expect(results.map(({ status }) => status)).toEqual([
        ...['fulfilled', 'fulfilled', 'fulfilled'],
        ...['rejected', 'rejected', 'rejected'],
      ]);
      expect(refused.map(({ perhapsProcessed }) => perhapsProcessed)).toEqual([false, false, false]);
      expect(refused[0]?.message).toContain('the server is going away (Shutdown)');
      expect(mock.received.filter((push) => push.answer === '200')).toHaveLength(3);

      const next = await connectTo(mock);
      await Promise.all(pushes.slice(3).map((push) => next.push(push, AMPLE_MS)));
      const processed = mock.received.filter((push) => push.answer === '200').map(({ apnsId }) => apnsId);
      expect(processed.sort()).toEqual(pushes.map(({ apnsId }) => apnsId).sort());
      await Promise.all([connection.close(), next.close()]);
    });
  });

  test('on the first stream', async () => {
    await withMockApns({ answers: { '*': ['goaway'] } }, async (mock) => {
      const connection = await connectTo(mock);
      expect((await noAnswer(connection.push(pushFor(mock), AMPLE_MS))).perhapsProcessed).toBe(false);
      await connection.close();
    });
  });

  test('the connection takes no new push at once, one under way is answered later', async () => {
    let first: ServerHttp2Stream | undefined;
    await scripted(
      (stream, session) => {
        if (first) session.goaway(constants.NGHTTP2_NO_ERROR, first.id);
        else first = stream;
      },
      async (connection) => {
        const early = connection.push(pushFor(apple, 1), AMPLE_MS);
        const late = await noAnswer(connection.push(pushFor(apple, 2), AMPLE_MS));
        expect(late.perhapsProcessed).toBe(false);
        expect(connection.open).toBe(false);
        const refused = await noAnswer(connection.push(pushFor(apple, 3), AMPLE_MS));
        expect(refused.perhapsProcessed).toBe(false);
        if (first) answer(first);
        expect(await early).toEqual({ status: 200 });
      },
    );
  });

  test('with an error code, which ends the connection: only streams above the last id are safe', async () => {
    const streams: ServerHttp2Stream[] = [];
    await scripted(
      (stream, session) => {
        streams.push(stream);
        if (streams.length === 2) session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, streams[0]?.id);
      },
      async (connection) => {
        const [first, second] = await Promise.all(
          [1, 2].map((n) => noAnswer(connection.push(pushFor(apple, n), AMPLE_MS))),
        );
        expect([first?.perhapsProcessed, second?.perhapsProcessed]).toEqual([true, false]);
        expect(connection.open).toBe(false);
      },
    );
  });
});

test('an IPv6 address is a server as good as a name', async () => {
  const server = scriptedServer(apple, 1, (stream) => answer(stream));
  const use = async (url: URL): Promise<void> => {
    expect(url.host).toMatch(/^\[::1\]:\d+$/);
    const connection = await connect(url);
    for (const n of [1, 2, 3])
      expect(await connection.push(pushFor(apple, n), AMPLE_MS)).toEqual({ status: 200 });
    await connection.close();
  };
  await listening(server, use, '::1');
});

describe('connecting fails with NoAnswer, nothing processed', () => {
  async function refusal(attempt: Promise<ApnsConnection>): Promise<string> {
    const error = await noAnswer(attempt);
    expect(error.perhapsProcessed).toBe(false);
    return error.message;
  }

  test('nobody listens', async () => {
    const url = await listening(createTcpServer(), (free) => Promise.resolve(free));
    expect(await refusal(connect(url))).toBe(
      `cannot connect to ${url.host}: connection refused (ECONNREFUSED)`,
    );
  });

  test('no such host', async () => {
    const message = await refusal(connect(new URL('https://nowhere.invalid')));
    expect(message).toMatch(/^cannot connect to nowhere\.invalid:443: (no such host|the name server)/);
  });

  test('an IPv6 address that the certificate does not name', async () => {
    const mapped = new URL(`https://[::ffff:127.0.0.1]:${apple.url.port}`);
    expect(await refusal(connect(mapped))).toMatch(/^cannot connect to \[::.*ERR_TLS_CERT_ALTNAME_INVALID/);
  });

  test('a server certificate of an unknown authority', async () => {
    const attempt = connectApns(apple.url, credentialFor(apple), { timeoutMs: AMPLE_MS });
    expect(await refusal(attempt)).toMatch(/its certificate is not trusted \(\w+\)$/);
  });

  test('our certificate is of another authority', async () => {
    const stranger = issueClientCertificate(createAuthority('stranger'), { topic: apple.topic });
    const before = apple.connections;
    const attempt = connectApns(apple.url, stranger, {
      ca: readFileSync(apple.ca, 'utf8'),
      timeoutMs: AMPLE_MS,
    });
    expect(await refusal(attempt)).toMatch(/it refuses our|perhaps it refuses our certificate/);
    expect(apple.connections).toBe(before);
  });

  test('a key that is none', async () => {
    const credential = { ...credentialFor(apple), keyPem: 'no key' };
    await refusal(connectApns(apple.url, credential, { timeoutMs: AMPLE_MS }));
  });

  test('a server that speaks HTTP/1.1 alone', async () => {
    const message = await listening(createHttpsServer(tlsOf(apple)), (url) => refusal(connect(url)));
    expect(message).toMatch(/the server speaks no HTTP\/2/);
  });

  test('a TLS server that agrees on no protocol', async () => {
    const message = await listening(createTlsServer(tlsOf(apple)), (url) => refusal(connect(url)));
    expect(message).toMatch(/the server speaks no HTTP\/2$/);
  });

  test('a server that says nothing', async () => {
    const message = await listening(createTcpServer(), (url) => refusal(connect(url, 100)));
    expect(message).toMatch(/not ready within 100 ms$/);
  });

  test('a server that sends no SETTINGS', async () => {
    const mute = createTlsServer({ ...tlsOf(apple), ALPNProtocols: ['h2'] });
    const message = await listening(mute, (url) => refusal(connect(url, 300)));
    expect(message).toMatch(/not ready within 300 ms$/);
  });

  test('a server that closes at once', async () => {
    const server = createTcpServer((socket) => {
      socket.end();
    });
    const message = await listening(server, (url) => refusal(connect(url)));
    expect(message).toMatch(/closed the connection|TLS/);
  });
});

describe('close', () => {
  test('lets a push under way end, takes no new one, and may be called again', async () => {
    let release: (() => void) | undefined;
    await scripted(
      (stream) => {
        release = () => {
          answer(stream);
        };
      },
      async (connection) => {
        const push = connection.push(pushFor(apple), AMPLE_MS);
        while (!release) await new Promise((resolve) => setImmediate(resolve));
        const closing = connection.close();
        expect(connection.open).toBe(false);
        expect((await noAnswer(connection.push(pushFor(apple), AMPLE_MS))).perhapsProcessed).toBe(false);
        release();
        expect(await push).toEqual({ status: 200 });
        await closing;
        await connection.close();
      },
    );
  });

  test('cuts a push that stays unanswered', async () => {
    await withMockApns({ answers: { '*': ['silent'] } }, async (mock) => {
      const connection = await connectTo(mock);
      const push = noAnswer(connection.push(pushFor(mock), AMPLE_MS));
      await mock.pushes(1);
      await connection.close();
      expect((await push).perhapsProcessed).toBe(true);
    });
  });

  test('leaves nothing that keeps the process alive', async () => {
    await withMockApns({ answers: { '*': ['200', 'goaway'] } }, async (mock) => {
      const connection = await connectTo(mock);
      await connection.push(pushFor(mock), AMPLE_MS);
      await noAnswer(connection.push(pushFor(mock), AMPLE_MS));
      await connection.close();
    });
    // The stand-in's side of the connection lives in this process too and ends a moment later.
    const sockets = (): string[] =>
      process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap');
    await expect.poll(sockets).toEqual([]);
  });
});
