import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ExitCode, OperatorError } from '../../src/process/errors.ts';
import { ask, testDoor } from '../support/http-door.ts';
import { temporaryFolder } from '../support/store.ts';

const PASSWORD = { authorization: `Basic ${Buffer.from('admin:s3cret').toString('base64')}` };

const page = (user: string): Promise<{ headers: Record<string, string>; body: string }> =>
  Promise.resolve({ headers: { 'X-Of': 'the page' }, body: `of "${user}"` });

describe('the status page', () => {
  test('is behind the password, and only read', async () => {
    const door = await testDoor({ authorization: 'admin:s3cret', page });
    expect((await ask(door, 'GET', '/status')).status).toBe(401);
    const { status, headers, body } = await ask(door, 'GET', '/status', { headers: PASSWORD });
    expect([status, headers['x-of'], body]).toEqual([200, 'the page', 'of ""']);
    const head = await ask(door, 'HEAD', '/status', { headers: PASSWORD });
    expect([head.status, head.body]).toEqual([200, '']);
    for (const method of ['POST', 'DELETE', 'PATCH'])
      expect((await ask(door, method, '/status', { headers: PASSWORD })).status).toBe(405);
    const foreign = { headers: { ...PASSWORD, 'sec-fetch-site': 'cross-site' } };
    expect((await ask(door, 'GET', '/status', foreign)).status).toBe(403);
  });

  test('may be come to by a link of another site, which sees nothing of it, and nothing else may', async () => {
    const metrics = (): Promise<string> => Promise.resolve('');
    const door = await testDoor({ authorization: 'admin:s3cret', page, metrics });
    const link = {
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    };
    const statusOf = async (method: string, path: string, changes: object = {}): Promise<number> =>
      (await ask(door, method, path, { headers: { ...PASSWORD, ...link, ...changes } })).status;
    expect(await statusOf('GET', '/status')).toBe(200);
    for (const changes of [
      { 'sec-fetch-dest': 'iframe' },
      { 'sec-fetch-mode': 'no-cors' },
      { origin: 'https://evil.example' },
    ])
      expect(await statusOf('GET', '/status', changes)).toBe(403);
    for (const [method, path] of [
      ['GET', '/metrics'],
      ['POST', '/status'],
      ['POST', '/events'],
      ['PUT', '/status'],
    ] as const)
      expect(await statusOf(method, path)).toBe(403);
  });

  test.each([
    ['?user=bob', 'bob'],
    ['?user=+b%C3%BC%3Cb%3E%40x+', 'bü<b>@x'],
    ['?user=a?b&user=c', 'a?b'],
    ['?other=1', ''],
  ])('knows its user by %s', async (query, user) => {
    const door = await testDoor({ authorization: 'admin:s3cret', page });
    expect((await ask(door, 'GET', `/status${query}`, { headers: PASSWORD })).body).toBe(`of "${user}"`);
  });

  test('takes no name that no mail server has', async () => {
    const door = await testDoor({ authorization: 'admin:s3cret', page });
    for (const name of ['a%00b', 'a'.repeat(513)])
      expect((await ask(door, 'GET', `/status?user=${name}`, { headers: PASSWORD })).status).toBe(400);
  });

  test('is gone, and a former password is of no use, also where a reload cannot do what TLS needs', async () => {
    const door = await testDoor({ authorization: 'admin:s3cret', page });
    const tls = { certificate: '/nowhere', key: '/nowhere' };
    expect(() => door.change({ authorization: 'admin:other', page: undefined, tls })).toThrow(
      'a door with TLS',
    );
    expect((await ask(door, 'GET', '/status', { headers: PASSWORD })).status).toBe(401);
    const headers = { authorization: `Basic ${Buffer.from('admin:other').toString('base64')}` };
    expect((await ask(door, 'GET', '/status', { headers })).status).toBe(404);
  });

  test('is not there by default', async () => {
    const door = await testDoor({ authorization: 'admin:s3cret' });
    expect((await ask(door, 'GET', '/status', { headers: PASSWORD })).status).toBe(404);
  });

  test('is shown without a password on a Unix socket alone', async () => {
    const loopback = await ask(await testDoor({ page }), 'GET', '/status');
    expect([loopback.status, loopback.body]).toEqual([
      403,
      expect.stringContaining('serve.http_password_file'),
    ]);
    const door = await testDoor({ listen: `unix:${join(temporaryFolder(), 'http.sock')}`, page });
    expect((await ask(door, 'GET', '/status')).status).toBe(200);
  });

  test('says why it cannot be made, and what to do', async () => {
    const error = new OperatorError('no store', { exitCode: ExitCode.tryAgain, hint: 'mend it' });
    const door = await testDoor({ authorization: 'admin:s3cret', page: () => Promise.reject(error) });
    const { status, body } = await ask(door, 'GET', '/status', { headers: PASSWORD });
    expect([status, body]).toEqual([503, 'no store\nhint: mend it\n']);
  });

  test('asks who comes when too many are made to come again', async () => {
    const door = await testDoor({ authorization: 'admin:s3cret', page: () => undefined });
    const { status, headers } = await ask(door, 'GET', '/status', { headers: PASSWORD });
    expect([status, headers['retry-after']]).toEqual([503, '2']);
  });
});
