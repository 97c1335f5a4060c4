import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { checkApple } from '../../src/check/apple.ts';
import type { Point } from '../../src/check/point.ts';
import type { ApnsConfig, ProxyConfig } from '../../src/config/config.ts';
import { systemClock } from '../../src/process/clock.ts';
import { listening } from '../apns/scripted-server.ts';
import { apnsConfig, credentialFor, type TestApns, withMockApns } from '../support/apns.ts';
import { COMMAND, configure, createSandbox, environmentOf } from '../support/command.ts';
import { testAsRoot } from '../support/needs.ts';
import { relay, scriptedProxy } from '../support/proxy.ts';
import { temporaryFolder } from '../support/store.ts';

/** The steps through that proxy. */
function run(
  mock: TestApns,
  proxy: ProxyConfig,
  changes: Partial<ApnsConfig> = {},
  timeoutMs = 5000,
): Promise<Point[]> {
  return checkApple({
    apns: { ...apnsConfig(mock), ...changes, proxy },
    credentials: [credentialFor(mock)],
    store: undefined,
    clock: systemClock,
    timeoutMs,
  });
}

function states(points: readonly Point[]): string[] {
  return points.map(({ point, state }) => `${point}: ${state}`);
}

const REST = ['Apple: TLS: skipped', 'Apple: HTTP/2: skipped', 'Apple: push: skipped'];

/** The points with a CONNECT that is answered so. */
async function refused(act: (socket: Socket) => void, passwordFile?: string): Promise<Point[]> {
  return withMockApns({}, async (mock) => {
    const { address } = await scriptedProxy(act);
    const proxy = { address, ...(passwordFile !== undefined && { passwordFile }) };
    const points = await run(mock, proxy, {}, 500);
    expect(states(points)).toEqual([
      'Proxy: name: ok',
      'Proxy: port: ok',
      'Proxy: CONNECT: problem',
      ...REST,
    ]);
    expect(points[2]?.text.startsWith(`${address}: `)).toBe(true);
    expect(points[3]?.text).toBe('needs first: Proxy: CONNECT');
    expect(mock.received).toEqual([]);
    return points;
  });
}

testAsRoot('an ordinary user, who may not read the password, is told of no fault', () => {
  const sandbox = createSandbox('');
  onTestFinished(() => sandbox.remove());
  const password = join(sandbox.dir, 'password');
  writeFileSync(password, 'alice:sesame\n', { mode: 0o600 });
  configure(sandbox, `apns: { proxy: 'http://127.0.0.1:1', proxy_password_file: ${password} }\n`);
  chmodSync(sandbox.dir, 0o755);
  const user = ['--reuid=4712', '--regid=4712', '--clear-groups'];
  const { stdout } = spawnSync('setpriv', [...user, COMMAND, 'check', '--json'], {
    env: environmentOf(sandbox.configFile),
    encoding: 'utf8',
  });
  const ofProxy = (JSON.parse(stdout) as Point[]).filter(({ point }) => point.startsWith('Proxy: '));
  expect(ofProxy.map(({ state, text }) => `${state}: ${text}`)).toEqual(
    Array.from({ length: 3 }, () => 'skipped: needs first: mail user'),
  );
});

describe('the steps through a proxy', () => {
  test('all go well, and this host need not find Apple itself', async () => {
    await withMockApns({}, async (mock) => {
      const proxy = await scriptedProxy((socket, head) =>
        relay(socket, head.replace(/CONNECT localhost:/, 'CONNECT 127.0.0.1:')),
      );
      const server = new URL(`https://localhost:${mock.port}`);
      const points = await run(mock, { address: proxy.address }, { server });
      expect(states(points)).toEqual([
        ...['Proxy: name: ok', 'Proxy: port: ok', 'Proxy: CONNECT: ok'],
        ...['Apple: TLS: ok', 'Apple: HTTP/2: ok', 'Apple: push: ok'],
      ]);
      expect(points.slice(0, 3).map(({ text }) => text)).toEqual([
        '127.0.0.1 is 127.0.0.1',
        `127.0.0.1 answers on port ${new URL(proxy.address).port}`,
        `opens a connection to localhost:${mock.port}`,
      ]);
      expect(mock.received).toHaveLength(1);
      // The reaching of the proxy asks for nothing; CONNECT, TLS, and HTTP/2 with its push do.
      expect(proxy.requests).toHaveLength(3);
    });
  });

  test('a name that nobody knows', async () => {
    await withMockApns({}, async (mock) => {
      const points = await run(mock, { address: 'http://proxy.invalid:3128' });
      expect(states(points)).toEqual([
        ...['Proxy: name: problem', 'Proxy: port: skipped', 'Proxy: CONNECT: skipped', ...REST],
      ]);
      expect(points[0]?.fix).toContain('getent hosts proxy.invalid');
    });
  });

  test('a port where nobody listens', async () => {
    await withMockApns({}, async (mock) => {
      const { host, port } = await listening(createServer(), (url) => Promise.resolve(url));
      const points = await run(mock, { address: `http://${host}` });
      expect(states(points)).toEqual([
        ...['Proxy: name: ok', 'Proxy: port: problem', 'Proxy: CONNECT: skipped', ...REST],
      ]);
      expect(points[1]).toMatchObject({
        text: `http://${host}: connection refused (ECONNREFUSED)`,
        fix: expect.stringContaining(`port ${port} of 127.0.0.1`) as string,
      });
    });
  });

  test('a password that it refuses: the file is the thing to correct, and is not shown', async () => {
    const file = join(temporaryFolder(), 'password');
    writeFileSync(file, 'alice:sesame\n');
    const points = await refused((socket) => socket.end('HTTP/1.1 407 alice:sesame\r\n\r\n'), file);
    expect(points[2]).toMatchObject({ fix: `correct name:password in ${file}` });
    expect(points[2]?.text).toContain('(407)');
    expect(JSON.stringify(points)).not.toMatch(/sesame|YWxpY2U6c2VzYW1l/);
  });

  test('a password that it asks for', async () => {
    const points = await refused((socket) => socket.end('HTTP/1.1 407 Who\r\n\r\n'));
    expect(points[2]?.text).toContain('set apns.proxy_password_file');
  });

  test('a password file that cannot be read', async () => {
    const points = await refused(() => undefined, '/no/such/file');
    expect(points[2]?.text).toContain('/no/such/file cannot be read');
    expect(points[2]?.fix).toContain('write one line name:password');
  });

  test.each<[string, (socket: Socket) => void, RegExp, RegExp]>([
    [
      '403',
      (socket) => socket.end('HTTP/1.1 403 No\r\n\r\n'),
      /forbids .*403/,
      /allow CONNECT to apns\.server/,
    ],
    [
      '502',
      (socket) => socket.end('HTTP/1.1 502 No\r\n\r\n'),
      /cannot reach the server \(502\)/,
      /proxy's log/,
    ],
    ['404', (socket) => socket.end('HTTP/1.1 404 No\r\n\r\n'), /with 404/, /takes CONNECT/],
    ['no HTTP', (socket) => socket.end('220 mail ESMTP\r\n'), /not HTTP/, /correct apns\.proxy/],
    ['an end', (socket) => socket.end(), /closed the connection/, /correct apns\.proxy/],
    ['silence', () => undefined, /does not answer within 500 ms/, /correct apns\.proxy/],
  ])('%s', async (_name, act, text, fix) => {
    const points = await refused(act);
    expect(points[2]?.text).toMatch(text);
    expect(points[2]?.fix).toMatch(fix);
  });

  test('one that breaks TLS open is told at TLS', async () => {
    await withMockApns({}, async (mock) => {
      const { address } = await scriptedProxy((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n<html>'));
      const points = await run(mock, { address });
      expect(states(points).slice(2, 4)).toEqual(['Proxy: CONNECT: ok', 'Apple: TLS: problem']);
    });
  });
});
