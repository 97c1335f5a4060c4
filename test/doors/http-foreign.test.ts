import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { placeOf } from '../../src/doors/http-address.ts';
import { createForeignGate, typeRefusal } from '../../src/doors/http-foreign.ts';
import { createRefusalLog } from '../../src/doors/http-refusals.ts';
import { ask, capturedRequest, rawConnection, testDoor } from '../support/http-door.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { temporaryFolder } from '../support/store.ts';

const REGISTRATION = capturedRequest('xaps-register-01-ios').body;
const captured = readdirSync(new URL('../fixtures/dovecot-http', import.meta.url)).map((file) =>
  file.replace('.headers', ''),
);

/** The headers of a captured request, with lower-case names as Node has them. */
function headersOf(name: string): Record<string, string> {
  const lines = capturedRequest(name).head.trim().split(/\r?\n/).slice(1);
  return Object.fromEntries(lines.map((line) => [line.split(': ')[0]!.toLowerCase(), line.split(': ')[1]!]));
}

const loopback = createForeignGate(placeOf('127.0.0.1:11619', false), false);
const withPassword = createForeignGate(placeOf('192.0.2.1:11619', true), true);
const unix = createForeignGate(placeOf('unix:/run/http.sock', false), false);

describe('what comes from clients of ours passes', () => {
  test.each(captured)('%s', (name) => {
    const headers = headersOf(name);
    for (const gate of [loopback, withPassword, unix]) expect(gate(headers)).toBeUndefined();
    expect(typeRefusal(headers['content-type'])).toBeUndefined();
  });
});

describe('Host', () => {
  test.each([
    '127.0.0.1',
    '127.0.0.1:11619',
    '127.8.9.10:1',
    '[::1]',
    '[::1]:11619',
    '[0:0:0:0:0:0:0:1]:11619',
    'localhost',
    'LocalHost:11619',
    'ip6-localhost:11619',
    'localhost.localdomain',
    undefined, // HTTP/1.0
  ])('%s is ours', (host) => expect(loopback({ host })).toBeUndefined());

  test.each([
    'evil.example',
    'evil.example:11619',
    'localhost.evil.example',
    'localhost@evil.example',
    '127.0.0.1.evil.example:11619',
    '127.0.0.1:11619:evil.example',
    '128.0.0.1',
    '192.0.2.1:11619',
    '0.0.0.0:11619',
    '[::2]:11619',
    '::1',
    '127.1',
    'l\u00f6calhost',
    'local\u212aost',
    '',
    ' ',
  ])('%j is not', (host) => {
    expect(loopback({ host })).toMatchObject({ status: 403 });
    expect(withPassword({ host }), 'a page has no password').toBeUndefined();
    expect(unix({ host }), 'a page cannot reach it').toBeUndefined();
  });
});

describe('a web page is refused at every door', () => {
  test.each<Record<string, string>>([
    { origin: 'https://evil.example' },
    { origin: 'http://127.0.0.1:11619' },
    { origin: 'null' },
    { origin: '' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' }, // another port of this host
    { 'sec-fetch-site': 'unheard-of' },
  ])('%j', (headers) => {
    for (const gate of [loopback, withPassword, unix])
      expect(gate({ host: '127.0.0.1', ...headers })).toMatchObject({ status: 403 });
  });

  test.each(['none', 'same-origin'])('Sec-Fetch-Site %s is a person who looks at it', (site) => {
    expect(loopback({ host: 'localhost', 'sec-fetch-site': site })).toBeUndefined();
  });
});

describe('Content-Type', () => {
  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON;charset=UTF-8',
    ' application/json ',
    'application/x-ndjson',
    'application/jsonl',
  ])('%s is taken', (type) => expect(typeRefusal(type)).toBeUndefined());

  test.each([
    undefined,
    '',
    'text/plain',
    'text/plain; x=application/json',
    'text/plain;charset=UTF-8',
    'application/x-www-form-urlencoded', // what curl says by itself
    'multipart/form-data; boundary=x',
    'application/jsonx',
    'application/json, text/plain',
  ])('%s is not', (type) => expect(typeRefusal(type)).toMatchObject({ status: 415 }));
});

test('the XAPS plugin bears every refusal', () => {
  for (const answer of [loopback({ host: 'x' }), loopback({ origin: 'x' }), typeRefusal('x')])
    expect(answer?.body).toMatch(/^[\x20\x21\x23-\x7e]{51,199}$/);
});

describe('at the door', () => {
  test.each([
    ['a page that registers a device', { Origin: 'https://evil.example' }, 403],
    ['a page whose name became this address', { Host: 'evil.example' }, 403],
    ['a form', { 'Content-Type': 'text/plain' }, 415],
  ])('%s: nothing is taken, and the log tells it once', async (_, headers, status) => {
    const door = await testDoor();
    for (const [method, path] of [
      ['POST', '/register'],
      ['POST', '/notify'],
      ['POST', '/events'],
      ['PUT', '/any'],
    ] as const)
      expect((await ask(door, method, path, { body: REGISTRATION, headers })).status).toBe(status);
    expect(door.received).toEqual([]);
    expect(door.log.messages('warn')).toEqual(['HTTP: a request was refused']);
  });

  test('a page reads nothing either', async () => {
    const door = await testDoor({ metrics: () => Promise.resolve('secret') });
    const answer = await ask(door, 'GET', '/metrics', { headers: { Host: 'evil.example' } });
    expect([answer.status, answer.body.includes('secret')]).toEqual([403, false]);
  });

  test('a Unix socket takes any Host, a door with a password too', async () => {
    const socket = await testDoor({ listen: `unix:${join(temporaryFolder(), 'http.sock')}` });
    const locked = await testDoor({ authorization: 'dovecot:secret' });
    const headers = { Host: 'mail.example.org' };
    const authorization = `Basic ${Buffer.from('dovecot:secret').toString('base64')}`;
    expect((await ask(socket, 'POST', '/register', { body: REGISTRATION, headers })).status).toBe(200);
    expect(
      (await ask(locked, 'POST', '/register', { body: REGISTRATION, headers: { ...headers, authorization } }))
        .status,
    ).toBe(200);
    expect((await ask(locked, 'POST', '/register', { body: REGISTRATION, headers })).status).toBe(401);
  });

  test('a request of HTTP/1.0 without Host', async () => {
    const door = await testDoor();
    const { socket, until } = await rawConnection(door);
    socket.write('GET /healthz HTTP/1.0\r\n\r\n');
    await until('ok\n');
  });
});

test('the log hears of the same refusal once a minute', () => {
  const log = recordedLog();
  let nowMs = 0;
  const tell = createRefusalLog(log, () => nowMs);
  const answer = typeRefusal('x')!;
  for (nowMs = 0; nowMs < 120_000; nowMs += 1000) tell(answer);
  expect(log.messages('warn')).toHaveLength(2);
});
