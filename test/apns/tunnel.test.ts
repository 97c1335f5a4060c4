import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApnsConnection, connectApns } from '../../src/apns/client.ts';
import { createAuthority } from '../../src/apns/credentials/pki.ts';
import { outcomeOfNoAnswer } from '../../src/apns/outcome.ts';
import { NoAnswer } from '../../src/apns/push.ts';
import { credentialFor, pushFor, startTestApns, type TestApns } from '../support/apns.ts';
import { relay, type ScriptedProxy, scriptedProxy } from '../support/proxy.ts';
import { temporaryFolder } from '../support/store.ts';
import { answer, listening, scriptedServer } from './scripted-server.ts';

const AMPLE_MS = 20_000;
const PASSWORD = 'open sesame: ä';

let apple: TestApns;
beforeAll(async () => {
  apple = await startTestApns();
});
afterAll(() => apple.close());

/** A file with `text`; by default a name and its password. */
function passwordFile(text = `alice:${PASSWORD}\n`): string {
  const file = join(temporaryFolder(), 'password');
  writeFileSync(file, text);
  return file;
}

function connectBy(
  { address }: Pick<ScriptedProxy, 'address'>,
  options: { server?: URL; timeoutMs?: number; passwordFile?: string; ca?: string } = {},
): Promise<ApnsConnection> {
  const { server = apple.url, timeoutMs = AMPLE_MS, ca = readFileSync(apple.ca, 'utf8') } = options;
  const proxy = {
    address,
    ...(options.passwordFile !== undefined && { passwordFile: options.passwordFile }),
  };
  return connectApns(server, credentialFor(apple), { ca, proxy, timeoutMs });
}

/** Why there is no connection. Whatever it is, it is held like a fault of the connection, and is not told by Apple. */
async function failureOf(attempt: Promise<ApnsConnection>): Promise<string> {
  const error: unknown = await attempt.then(
    () => new Error('it is connected'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof NoAnswer)) throw error;
  expect(outcomeOfNoAnswer(error)).toMatchObject({ kind: 'retry', scope: 'connection' });
  expect(error.perhapsProcessed).toBe(false);
  expect(error.message).not.toContain('sesame');
  return error.message;
}

async function pushOver(connection: ApnsConnection): Promise<number> {
  try {
    return (await connection.push(pushFor(apple), AMPLE_MS)).status;
  } finally {
    await connection.close();
  }
}

describe('a connection through a proxy', () => {
  test('is asked for by the server’s name and port, and pushes go over it', async () => {
    const proxy = await scriptedProxy((socket, head) => relay(socket, head));
    expect(await pushOver(await connectBy(proxy))).toBe(200);
    expect(proxy.requests).toEqual([expect.stringMatching(/^CONNECT /)]);
    const lines = proxy.requests[0]!.split('\r\n');
    expect(lines[0]).toBe(`CONNECT 127.0.0.1:${apple.port} HTTP/1.1`);
    expect(lines).toContain(`Host: 127.0.0.1:${apple.port}`);
    expect(proxy.requests[0]).not.toMatch(/authorization/i);
  });

  test('names the port that a URL leaves out, and a host that the proxy alone knows', async () => {
    const proxy = await scriptedProxy((socket) => socket.end('HTTP/1.1 502 No\r\n\r\n'));
    await failureOf(connectBy(proxy, { server: new URL('https://apple.invalid') }));
    expect(proxy.requests[0]).toMatch(/^CONNECT apple\.invalid:443 .*\r\nhost: apple\.invalid:443\r\n/is);
  });

  test('carries name and password of the file, a line break at its end or not', async () => {
    const proxy = await scriptedProxy((socket, head) => relay(socket, head));
    for (const text of [`alice:${PASSWORD}\n`, `alice:${PASSWORD}`])
      expect(await pushOver(await connectBy(proxy, { passwordFile: passwordFile(text) }))).toBe(200);
    const encoded = Buffer.from(`alice:${PASSWORD}`).toString('base64');
    for (const request of proxy.requests)
      expect(request.split('\r\n')).toContainEqual(
        expect.stringMatching(
          new RegExp(`^proxy-authorization: Basic ${encoded.replaceAll('+', '\\+')}$`, 'i'),
        ),
      );
  });

  test('takes any 2xx, with a body’s length that means nothing', async () => {
    const status = '204 Fine\r\nContent-Length: 7';
    const proxy = await scriptedProxy((socket, head) => relay(socket, head, { status }));
    expect(await pushOver(await connectBy(proxy))).toBe(200);
  });

  test('goes over IPv6, on both ways', async () => {
    await listening(
      scriptedServer(apple, 10, (stream) => {
        answer(stream);
      }),
      async (server) => {
        const proxy = await scriptedProxy((socket, head) => relay(socket, head), '::1');
        expect(proxy.address).toContain('[::1]');
        expect(await pushOver(await connectBy(proxy, { server }))).toBe(200);
        expect(proxy.requests[0]).toContain(`CONNECT [::1]:${server.port} `);
      },
      '::1',
    );
  });

  test('goes to the port of HTTP where the address names that', async () => {
    const error = await failureOf(connectBy({ address: 'http://127.0.0.1:80' }));
    expect(error).toContain('through apns.proxy http://127.0.0.1:80: the proxy ');
  });
});

describe('the server’s certificate', () => {
  test('is asked for its name, whatever the proxy is called and whomever it connects to', async () => {
    const proxy = await scriptedProxy((socket, head) =>
      relay(socket, head.replace(/CONNECT \S+/, `CONNECT 127.0.0.1:${apple.port}`)),
    );
    const server = new URL('https://127.0.0.2:443');
    const error = await failureOf(connectBy(proxy, { server }));
    expect(error).toMatch(/its certificate is not trusted \(ERR_TLS_CERT_ALTNAME_INVALID\)/);
  });

  test('is asked for its issuer', async () => {
    const proxy = await scriptedProxy((socket, head) => relay(socket, head));
    const { certificatePem: ca } = createAuthority('another');
    expect(await failureOf(connectBy(proxy, { ca }))).toMatch(/its certificate is not trusted/);
  });
});

type Act = (socket: Socket) => void;

const says =
  (text: string): Act =>
  (socket) =>
    socket.end(text);

const REFUSALS: [string, Act, string][] = [
  [
    '407',
    says(`HTTP/1.1 407 ${PASSWORD}\r\nProxy-Authenticate: Basic\r\n\r\n${PASSWORD}`),
    'the proxy refuses the name or password (407): correct the content of apns.proxy_password_file',
  ],
  [
    '403',
    says('HTTP/1.1 403 Filtered\r\nContent-Length: 5\r\n\r\nnever'),
    'the proxy forbids this connection (403)',
  ],
  ['502', says('HTTP/1.0 502 Bad Gateway\r\n\r\n'), 'the proxy cannot reach the server (502)'],
  ['504', says('HTTP/1.1 504\r\n\r\n'), 'the proxy cannot reach the server (504)'],
  ['405', says('HTTP/1.1 405 Method Not Allowed\r\n\r\n'), 'the proxy answers CONNECT with 405'],
  [
    '302',
    says('HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n'),
    'the proxy answers CONNECT with 302',
  ],
  ['something that is not HTTP', says('SSH-2.0-OpenSSH_9.2\r\n'), 'the answer of the proxy is not HTTP'],
  [
    'a head without an end',
    (socket) => socket.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}`),
    'the answer of the proxy is not HTTP',
  ],
  ['an end', (socket) => socket.end(), 'the proxy has closed the connection without an answer'],
  ['a reset', (socket) => socket.resetAndDestroy(), 'the proxy has closed the connection without an answer'],
  ['half an answer', says('HTTP/1.1 200 Conn'), 'the proxy has closed the connection without an answer'],
];

describe('a proxy’s answer to CONNECT is told, and costs nothing', () => {
  test.each(REFUSALS)('%s', async (_name, act, why) => {
    const proxy = await scriptedProxy(act);
    const error = await failureOf(connectBy(proxy, { passwordFile: passwordFile() }));
    expect(error).toBe(
      `cannot connect to 127.0.0.1:${apple.port} through apns.proxy ${proxy.address}: ${why}`,
    );
  });

  test('401, which tinyproxy says of a wrong password', async () => {
    const proxy = await scriptedProxy(says('HTTP/1.1 401 Unauthorized\r\n\r\n'));
    expect(await failureOf(connectBy(proxy, { passwordFile: passwordFile() }))).toMatch(
      /refuses the name or password \(401\): correct the content of apns\.proxy_password_file$/,
    );
  });

  test('407 without a password', async () => {
    const proxy = await scriptedProxy(says('HTTP/1.1 407 Who\r\n\r\n'));
    expect(await failureOf(connectBy(proxy))).toMatch(
      /asks for a name and password \(407\): set apns\.proxy_password_file$/,
    );
  });

  test.each<[string, Act]>([
    ['silence', () => undefined],
    ['one letter after the other', (socket) => drip(socket)],
  ])('%s ends with the time', async (_name, act) => {
    const proxy = await scriptedProxy(act);
    const begunMs = performance.now();
    expect(await failureOf(connectBy(proxy, { timeoutMs: 300 }))).toMatch(
      /the proxy does not answer within 300 ms$/,
    );
    expect(performance.now() - begunMs).toBeLessThan(5000);
  });

  test('silence behind the proxy too', async () => {
    const proxy = await scriptedProxy((socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
    expect(await failureOf(connectBy(proxy, { timeoutMs: 300 }))).toMatch(/: not ready within 300 ms$/);
  });

  test('and an answer of the proxy that comes when the time is nearly up does not make it longer', async () => {
    const silent = await scriptedProxy((socket) => {
      setTimeout(() => socket.write('HTTP/1.1 200 OK\r\n\r\n'), 300);
    });
    // The password is a while in coming, so that the way to the proxy begins late.
    const fifo = join(temporaryFolder(), 'password');
    execFileSync('mkfifo', [fifo]);
    spawn('sh', ['-c', 'sleep 0.3; echo alice:sesame >"$0"', fifo]);
    const begunMs = performance.now();
    expect(await failureOf(connectBy(silent, { timeoutMs: 500, passwordFile: fifo }))).toMatch(
      /within 500 ms$/,
    );
    expect(performance.now() - begunMs).toBeLessThan(5000);
  });

  test('an end behind the proxy', async () => {
    const proxy = await scriptedProxy((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'));
    expect(await failureOf(connectBy(proxy))).toMatch(/: it closed the connection/);
  });

  test('what comes behind the answer is the server’s', async () => {
    const proxy = await scriptedProxy((socket, head) => relay(socket, head, { before: 'no TLS' }));
    expect(await failureOf(connectBy(proxy))).toMatch(/TLS failed on the server's side/);
  });

  test('nobody listens', async () => {
    const address = await listening(createServer(), (url) => Promise.resolve(`http://${url.host}`));
    expect(await failureOf(connectBy({ address }))).toMatch(
      /the proxy cannot be reached: connection refused \(ECONNREFUSED\)$/,
    );
  });

  test('nobody knows its name', async () => {
    expect(await failureOf(connectBy({ address: 'http://proxy.invalid:3128' }))).toMatch(
      /the proxy cannot be reached: (no such host name|the name server does not answer)/,
    );
  });
});

function drip(socket: Socket): void {
  const timer = setInterval(() => socket.write('H'), 50);
  socket.on('close', () => clearInterval(timer));
  socket.write('HTTP/1.1 200 OK\r\nX: ');
}

describe('a password file', () => {
  test('that is missing is named, and the proxy is not asked', async () => {
    const proxy = await scriptedProxy((socket, head) => relay(socket, head));
    const error = await failureOf(connectBy(proxy, { passwordFile: '/no/such/password' }));
    expect(error).toContain('apns.proxy_password_file: /no/such/password cannot be read (ENOENT');
    expect(proxy.requests).toEqual([]);
  });

  test.each(['', 'sesame\n', 'alice:sesame\nbob:sesame\n', ':sesame\n'])(
    'with %j is not shown',
    async (text) => {
      const error = await failureOf(
        connectBy({ address: 'http://127.0.0.1:1' }, { passwordFile: passwordFile(text) }),
      );
      expect(error).toMatch(/does not hold one line name:password$/);
    },
  );
});
