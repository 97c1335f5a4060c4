import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, Socket, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { openHttpDoor } from '../../src/doors/http.ts';
import { MAX_EVENTS_PER_LINE } from '../../src/events/parse.ts';
import { createTestClock } from '../support/clock.ts';
import {
  ask,
  capturedRequest,
  HOW_TO_LISTEN,
  outcome,
  rawConnection,
  testDoor,
  TOPIC,
} from '../support/http-door.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { temporaryFolder } from '../support/store.ts';
import { type Told, XAPS_PLUGINS } from '../support/xaps-plugins.ts';

const NEW_MAIL = '{"Username":"alice","Mailbox":"INBOX","Events":["MessageNew"]}';
const REGISTRATION = capturedRequest('xaps-register-01-ios').body;

const captured = readdirSync(new URL('../fixtures/dovecot-http', import.meta.url)).map((file) =>
  file.replace('.headers', ''),
);

/** As Apple gives them now: shorter than the plugin for 2.3 bears. */
const SHORT_TOPIC = 'com.apple.mobilemail.push.org.example';

/** The body of an answer as it came over the wire. */
function bodyOf(segment: Buffer | undefined): string {
  return segment?.toString().split('\r\n\r\n')[1] ?? '';
}

describe('what Dovecot sends', () => {
  test.each(captured)('%s', async (name) => {
    const door = await testDoor();
    const { wire, body, head } = capturedRequest(name);
    const { socket, segments, until } = await rawConnection(door);
    socket.write(wire);
    await until('\r\n\r\n');
    expect(door.received).toEqual([body.toString()]);
    expect(segments).toHaveLength(1);
    expect(segments[0]?.toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(bodyOf(segments[0])).toBe(head.startsWith('POST /register ') ? TOPIC : '');
    socket.write(wire); // as Dovecot does: the connection is kept
    while (segments.length < 2) await new Promise((resolve) => socket.once('data', resolve));
    expect(segments[1]?.toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(door.received).toHaveLength(2);
  });
});

describe('the answer to /register', () => {
  test('leaves in one write with its header, and says its length', async () => {
    const door = await testDoor();
    const { wire } = capturedRequest('xaps-register-01-ios');
    const single = vi.spyOn(Socket.prototype, '_write');
    const many = vi.spyOn(Socket.prototype, '_writev');
    onTestFinished(() => void vi.restoreAllMocks());
    const writes = (): number => single.mock.calls.length + many.mock.calls.length;
    for (let round = 1; round <= 100; round += 1) {
      const { socket, segments } = await rawConnection(door);
      socket.write(wire);
      await new Promise((resolve) => socket.once('data', resolve));
      expect(segments).toHaveLength(1);
      expect(bodyOf(segments[0])).toBe(TOPIC);
      expect(segments[0]?.toString()).toContain(`\r\nContent-Length: ${TOPIC.length}\r\n`);
      expect(writes()).toBe(2 * round); // the request, and its answer
      socket.destroy();
    }
  });

  describe.each(captured.filter((name) => name.startsWith('xaps-register')))('to %s', (name) => {
    const { wire } = capturedRequest(name);

    const told = (topic: string): Told => ({ topic });
    const ALL = [told(TOPIC), told(TOPIC), told(TOPIC)];
    test.each<[what: string, topic: string, padsTopic: boolean | undefined, told: Told[]]>([
      ['a short topic', SHORT_TOPIC, undefined, [told(SHORT_TOPIC), told(SHORT_TOPIC), 'BAD']],
      ['it with padding', SHORT_TOPIC, true, [told(SHORT_TOPIC), told(SHORT_TOPIC), 'BAD']],
      ['it without padding', SHORT_TOPIC, false, ['crash', told(SHORT_TOPIC), told(SHORT_TOPIC)]],
      ['a long one with padding', TOPIC, true, ALL],
      ['a long one without', TOPIC, false, ALL],
    ])('%s is what each plugin tells the phone that bears it', async (_, topic, padsTopic, wanted) => {
      const door = await testDoor({
        receive: outcome({ topic }),
        ...(padsTopic !== undefined && { padsTopic }),
      });
      const { socket, segments, text } = await rawConnection(door);
      for (const times of [1, 2]) {
        segments.length = 0;
        socket.write(wire); // each of them keeps its connection
        await expect.poll(text, { interval: 1 }).toMatch(/\r\n\r\n[^]+$/);
        const found = Object.values(XAPS_PLUGINS).map((tells) => tells(segments));
        expect(found, `request ${times}`).toEqual(wanted);
      }
    });

    test('where there is no topic, (null) or BAD is, and no session ends', async () => {
      const door = await testDoor({ receive: () => Promise.reject(new Error('ENOSPC')) });
      const { socket, segments, text } = await rawConnection(door);
      socket.write(wire);
      await expect.poll(text, { interval: 1 }).toMatch(/\r\n\r\n[^]+$/);
      const found = Object.values(XAPS_PLUGINS).map((tells) => tells(segments));
      expect(found).toEqual([told('(null)'), 'BAD', 'BAD']);
    });
  });

  test('changes with the configuration, on a door that stays open', async () => {
    const door = await testDoor({ receive: outcome({ topic: SHORT_TOPIC }) });
    const body = async (): Promise<string> =>
      (await ask(door, 'POST', '/register', { body: REGISTRATION })).body;
    expect(await body()).toHaveLength(51);
    door.change({ padsTopic: false });
    expect(await body()).toBe(SHORT_TOPIC);
  });

  test.each([
    ['no certificate', outcome({ topic: '' }), 500],
    ['a topic with quotes', outcome({ topic: `${TOPIC}"` }), 500],
    ['a refused registration', outcome({ bad: 'ApsAccountId: expected a string,\n got "é"' }), 400],
    ['no registration', outcome({ targets: 1 }), 400],
    ['no topic, in the spool', outcome({ topic: '', spooled: true }), 500],
    ['no room anywhere', () => Promise.reject(new Error('ENOSPC')), 503],
  ])('%s: a reason that the plugin can bear', async (_, receive, wanted) => {
    const door = await testDoor({ receive });
    const { status, body, headers } = await ask(door, 'POST', '/register', { body: REGISTRATION });
    expect(status).toBe(wanted);
    expect(body).toMatch(/^[\x20-\x7e]{51,199}$/);
    expect(body).not.toContain('"');
    expect(headers['retry-after']).toBe(wanted === 503 ? '2' : undefined);
  });

  test('is the topic as soon as the registration is safe, in the spool too', async () => {
    const door = await testDoor({ receive: outcome({ topic: TOPIC, spooled: true }) });
    const { status, body } = await ask(door, 'POST', '/register', { body: REGISTRATION });
    expect({ status, body }).toEqual({ status: 200, body: TOPIC });
  });

  test('tells the operator where there is no topic', async () => {
    const door = await testDoor({ receive: outcome({ topic: '' }) });
    await ask(door, 'POST', '/register', { body: REGISTRATION });
    expect(door.log.messages('error')).toEqual([expect.stringContaining('gets no topic')]);
  });
});

describe('the answer to /notify', () => {
  test.each([
    ['pushes are owed', outcome({ targets: 2 }), 200],
    ['it is in the spool', outcome({ spooled: true }), 200],
    ['nobody asked for the mailbox', outcome(), 204],
    ['it is bad', outcome({ bad: 'Mailbox: expected text, got a number' }), 400],
    ['it is safe nowhere', () => Promise.reject(new Error('ENOSPC')), 503],
  ])('%s', async (_, receive, wanted) => {
    const door = await testDoor({ receive });
    expect((await ask(door, 'POST', '/notify', { body: NEW_MAIL })).status).toBe(wanted);
  });

  test('is 400 where there is no body', async () => {
    const door = await testDoor();
    for (const body of ['', ' \r\n']) expect((await ask(door, 'POST', '/notify', { body })).status).toBe(400);
    expect(door.received).toEqual([]);
  });
});

describe('PUT, of the OX driver', () => {
  test.each([
    ['all is well', outcome(), 200],
    ['it is in the spool', outcome({ spooled: true }), 200],
    ['it is bad', outcome({ bad: 'folder: expected text' }), 400],
    ['it is safe nowhere', () => Promise.reject(new Error('ENOSPC')), 503],
  ])('%s', async (_, receive, wanted) => {
    const door = await testDoor({ receive });
    const { status, headers } = await ask(door, 'PUT', '/whatever/the/operator?chose', { body: '{}' });
    expect(status).toBe(wanted);
    expect(headers['retry-after']).toBe(wanted === 503 ? '2' : undefined);
  });

  test('what is wrong is told without control and direction-changing characters', async () => {
    const door = await testDoor({ receive: outcome({ bad: 'user bob\u009b\u202e: expected text' }) });
    const { body } = await ask(door, 'PUT', '/notify', { body: '{}' });
    expect(body).toBe('user bob\\u009b\\u202e: expected text\n');
  });
});

describe('/events', () => {
  test.each([
    ['one event', NEW_MAIL, 1],
    ['one event, laid out', JSON.stringify(JSON.parse(NEW_MAIL), null, 2), 1],
    ['a list', `[${NEW_MAIL},${NEW_MAIL}]`, 2],
    ['a list, one a line', `[\n${NEW_MAIL},\n${NEW_MAIL}\n]\n`, 2],
    ['one a line', `${NEW_MAIL}\n${NEW_MAIL}\r\n\n${NEW_MAIL}\n`, 3],
    ['lists, one a line', `[${NEW_MAIL},${NEW_MAIL}]\n${NEW_MAIL}`, 3],
    ['nothing to push', '{"event":"QuotaExceed"}', 0],
    ['another alphabet', '{"Username":"ülla","Mailbox":"日本語","Events":["MessageNew"]}\n' + NEW_MAIL, 2],
  ])('%s', async (_, body, targets) => {
    const door = await testDoor();
    const answer = await ask(door, 'POST', '/events', { body });
    expect(answer.status).toBe(202);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(JSON.parse(answer.body)).toEqual({ targets });
    expect(door.received).toHaveLength(1);
  });

  test('the bytes of a line are handed on as they came', async () => {
    const lines = ['{"Username":"ülla","Mailbox":"日本語","Events":["MessageNew"]}', NEW_MAIL];
    const door = await testDoor();
    await ask(door, 'POST', '/events', { body: lines.join('\n') });
    expect(door.received).toEqual([lines.join('\n')]);
  });

  test.each(['', '\n \n', '[]', '{"no":"event"}'])('is 400 with the reason for %j', async (body) => {
    const door = await testDoor();
    const answer = await ask(door, 'POST', '/events', { body });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toEqual({
      error: expect.stringContaining('expected') as string,
      targets: 0,
    });
  });

  test('a bad event does not keep the others out', async () => {
    const door = await testDoor();
    const answer = await ask(door, 'POST', '/events', { body: `{"no":"event"}\n${NEW_MAIL}` });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toMatchObject({ targets: 1 });
  });

  test('says that it went into the spool', async () => {
    const door = await testDoor({ receive: outcome({ spooled: true }) });
    const answer = await ask(door, 'POST', '/events', { body: NEW_MAIL });
    expect([answer.status, JSON.parse(answer.body)]).toEqual([202, { targets: 0, spooled: true }]);
  });

  test('is 503 where neither database nor spool takes it', async () => {
    const door = await testDoor({ receive: () => Promise.reject(new Error('ENOSPC')) });
    const answer = await ask(door, 'POST', '/events', { body: NEW_MAIL });
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '2']);
    expect(door.log.entries).toContainEqual(
      expect.objectContaining({ level: 'error', fields: { reason: 'ENOSPC' } }),
    );
  });

  test('is 400 for too many lines, of which none is taken', async () => {
    const door = await testDoor();
    const body = '{}\n'.repeat(MAX_EVENTS_PER_LINE + 1);
    expect((await ask(door, 'POST', '/events', { body })).status).toBe(400);
    expect(door.received).toEqual([]);
  });
});

describe('what monitoring asks', () => {
  test('/healthz', async () => {
    expect(await ask(await testDoor(), 'GET', '/healthz')).toMatchObject({ status: 200, body: 'ok\n' });
  });

  test('/readyz says what keeps pushes from being sent, and that events are taken', async () => {
    const door = await testDoor({ ready: () => ({ ready: true, reason: 'no push is sent: expired' }) });
    expect(await ask(door, 'GET', '/readyz')).toMatchObject({
      status: 200,
      body: 'ready, but no push is sent: expired\n',
    });
  });

  test('/readyz follows the state', async () => {
    let state: { ready: boolean; reason?: string } = { ready: false, reason: 'the database is locked' };
    const door = await testDoor({ ready: () => state });
    const unready = await ask(door, 'GET', '/readyz');
    expect(unready).toMatchObject({ status: 503, body: 'not ready: the database is locked\n' });
    state = { ready: true };
    expect(await ask(door, 'GET', '/readyz?verbose')).toMatchObject({ status: 200, body: 'ready\n' });
  });

  test('/metrics, where it is on', async () => {
    const door = await testDoor({ metrics: () => Promise.resolve('xapplepush_targets 3\n') });
    const { status, body, headers } = await ask(door, 'GET', '/metrics');
    expect([status, body]).toEqual([200, 'xapplepush_targets 3\n']);
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect((await ask(await testDoor(), 'GET', '/metrics')).status).toBe(404);
  });

  test('/metrics is computed once for all who ask within a second', async () => {
    let computed = 0;
    const door = await testDoor({ metrics: () => Promise.resolve(`${(computed += 1)}`) });
    const bodies = await Promise.all([1, 2, 3].map(async () => (await ask(door, 'GET', '/metrics')).body));
    expect(bodies).toEqual(['1', '1', '1']);
  });

  test('a fault of our own is 500, and told once', async () => {
    const door = await testDoor({ metrics: () => Promise.reject(new Error('broken')) });
    expect((await ask(door, 'GET', '/metrics')).status).toBe(500);
    expect((await ask(door, 'GET', '/healthz')).status).toBe(200);
  });

  test('HEAD is GET without the body', async () => {
    const { status, body, headers } = await ask(await testDoor(), 'HEAD', '/healthz');
    expect([status, body, headers['content-length']]).toEqual([200, '', '3']);
  });
});

describe('other requests', () => {
  test.each([
    ['GET', '/', 404, undefined],
    ['POST', '/', 404, undefined],
    ['POST', '/notify/', 404, undefined],
    ['POST', '/constructor', 404, undefined],
    ['GET', '/__proto__', 404, undefined],
    ['OPTIONS', '*', 404, undefined],
    ['GET', '/notify', 405, 'POST, PUT'],
    ['DELETE', '/register', 405, 'POST, PUT'],
    ['PATCH', '/events', 405, 'POST, PUT'],
    ['POST', '/healthz', 405, 'GET, HEAD, PUT'],
    ['DELETE', '/metrics', 405, 'GET, HEAD, PUT'],
  ])('%s %s is %i', async (method, path, status, allow) => {
    const door = await testDoor();
    const answer = await ask(door, method, path);
    expect([answer.status, answer.headers.allow]).toEqual([status, allow]);
    expect(door.received).toEqual([]);
  });
});

describe('the password', () => {
  const credentials = (text: string): Record<string, string> => ({
    Authorization: `Basic ${Buffer.from(text).toString('base64')}`,
  });

  test('lets in who has it, as Dovecot sends it', async () => {
    const door = await testDoor({ authorization: 'oxuser:s3cret' });
    const { socket, until } = await rawConnection(door);
    socket.write(capturedRequest('ox-12-auth-user-from-metadata').wire);
    await until('HTTP/1.1 200 OK');
    expect(door.received).toHaveLength(1);
  });

  test.each([
    ['none', {}],
    ['a wrong one', credentials('oxuser:secret')],
    ['the right one and more', credentials('oxuser:s3crets')],
    ['no user', credentials(':s3cret')],
    ['another scheme', { Authorization: 'Bearer oxuser:s3cret' }],
    ['nothing after the scheme', { Authorization: 'Basic ' }],
  ])('%s: 401, and nothing is taken', async (_, headers) => {
    const door = await testDoor({ authorization: 'oxuser:s3cret', metrics: () => Promise.resolve('') });
    for (const [method, path] of [
      ['PUT', '/notify'],
      ['POST', '/register'],
      ['POST', '/notify'],
      ['POST', '/events'],
      ['GET', '/metrics'],
      ['GET', '/readyz'],
      ['GET', '/elsewhere'],
    ] as const) {
      const answer = await ask(door, method, path, { headers, ...(method !== 'GET' && { body: NEW_MAIL }) });
      expect([path, answer.status]).toEqual([path, 401]);
      expect(answer.headers['www-authenticate']).toMatch(/^Basic realm="xapplepush"/);
    }
    expect(door.received).toEqual([]);
    expect((await ask(door, 'GET', '/healthz', { headers })).status).toBe(200);
    expect(door.log.messages('warn')).toHaveLength(1);
  });

  test('is told of again after it was right', async () => {
    const door = await testDoor({ authorization: 'a:b' });
    for (const text of ['x:y', 'x:y', 'a:b', 'x:y'])
      await ask(door, 'GET', '/readyz', { headers: credentials(text) });
    expect(door.log.messages('warn')).toHaveLength(2);
  });
});

describe('where it listens', () => {
  const open = (listen: string, authorization?: string): ReturnType<typeof openHttpDoor> =>
    openHttpDoor({
      listen,
      receive: outcome(),
      ready: () => ({ ready: true }),
      ...{ ...HOW_TO_LISTEN, log: recordedLog() },
      ...(authorization !== undefined && { authorization }),
    });

  test.each([
    ['127.0.0.1:0', /^127\.0\.0\.1:[1-9]\d+$/],
    ['[::1]:0', /^\[::1\]:[1-9]\d+$/],
    ['localhost:0', /^localhost:[1-9]\d+$/],
  ])('%s', async (listen, wanted) => {
    const door = await testDoor({ listen });
    expect(door.address).toMatch(wanted);
    expect((await ask(door, 'GET', '/healthz')).status).toBe(200);
  });

  test('a Unix socket, for user and group', async () => {
    const path = join(temporaryFolder(), 'http.sock');
    const door = await testDoor({ listen: `unix:${path}` });
    expect(door.address).toBe(`unix:${path}`);
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect((await ask(door, 'POST', '/notify', { body: NEW_MAIL })).status).toBe(200);
    await door.close();
    expect(statSync(path).isSocket()).toBe(true); // the next process takes its place
  });

  test('beyond this machine only with a password', async () => {
    await expect(open('0.0.0.0:0')).rejects.toMatchObject({ name: 'OperatorError', exitCode: 78 });
    const door = await open('0.0.0.0:0', 'a:b');
    onTestFinished(() => door.close());
    expect((await ask(door, 'GET', '/readyz')).status).toBe(401);
  });

  test('not where something else listens', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    await expect(open(`127.0.0.1:${port}`)).rejects.toMatchObject({
      exitCode: 75,
      message: expect.stringContaining(`127.0.0.1:${port}: listen EADDRINUSE`) as string,
      hint: expect.stringContaining('stop what listens there') as string,
    });
  });

  test('not in place of a file', async () => {
    const path = join(temporaryFolder(), 'http.sock');
    writeFileSync(path, 'mine');
    await expect(open(`unix:${path}`)).rejects.toMatchObject({ exitCode: 75 });
    expect(statSync(path).isFile()).toBe(true);
  });

  test('in place of another door on that socket, which answers those who are connected', async () => {
    const path = join(temporaryFolder(), 'http.sock');
    const first = await testDoor({ listen: `unix:${path}` });
    const early = await rawConnection(first);
    const second = await testDoor({ listen: `unix:${path}`, ready: () => ({ ready: false }) });
    expect((await ask(second, 'GET', '/readyz')).status).toBe(503);
    early.socket.write('GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await early.until('200 OK');
  });

  test('in place of a socket that a killed process left', async () => {
    const path = join(temporaryFolder(), 'http.sock');
    const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    await once(spawn(process.execPath, ['-e', script, path]), 'exit');
    expect(statSync(path).isSocket()).toBe(true);
    expect((await ask(await testDoor({ listen: `unix:${path}` }), 'GET', '/healthz')).status).toBe(200);
  });

  test('a Unix socket that is removed and made again: closing waits for who came by the new one', async () => {
    const path = join(temporaryFolder(), 'http.sock');
    const clock = createTestClock();
    let letGo = (): void => undefined;
    const gone = new Promise<void>((resolve) => (letGo = resolve));
    const received: string[] = [];
    const door = await testDoor({
      listen: `unix:${path}`,
      limits: { closingMs: 600_000 },
      clock,
      receive: async (raw) => {
        received.push(raw.toString());
        await gone;
        return outcome()();
      },
    });
    await clock.asleep();
    rmSync(path);
    clock.advance(1000);
    await clock.asleep();
    const answer = ask(door, 'POST', '/notify', { body: NEW_MAIL });
    await vi.waitFor(() => expect(received).toHaveLength(1), { timeout: 30_000 });
    let isClosed = false;
    const closed = door.close().then(() => (isClosed = true));
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(isClosed).toBe(false);
    letGo();
    expect((await answer).status).toBe(204);
    await closed;
  });
});
