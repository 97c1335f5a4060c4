import { Agent } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Received } from '../../src/doors/receive.ts';
import { MAX_EVENT_BYTES } from '../../src/events/read.ts';
import { ask, capturedRequest, outcome, rawConnection, testDoor, TOPIC } from '../support/http-door.ts';

const { wire, body: REGISTRATION } = capturedRequest('xaps-register-01-ios');
const HEAD = 'POST /notify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
const CRLF = '\r\n\r\n';

/** A keep-alive agent that keeps one connection, closed when the running test ends. */
function oneConnection(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  return agent;
}

/** A receiver of registrations that waits, once it has begun, until it is released. */
function pausedReceiver(): { receive: () => Promise<Received>; begun: Promise<void>; release: () => void } {
  let release = (): void => undefined;
  let begin = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const receive = async (): Promise<Received> => {
    begin();
    await released;
    return outcome({ topic: TOPIC })();
  };
  return { receive, begun, release };
}

/** A body that is JSON and has this many bytes. */
function jsonOf(bytes: number): string {
  const frame = '{"Username":"alice","Mailbox":"INBOX","Events":["MessageNew"],"x":""}';
  return frame.replace('""', `"${'x'.repeat(bytes - frame.length)}"`);
}

describe('slow clients', () => {
  const HOUR_MS = 3_600_000;
  const limits = { headerMs: 200, requestMs: 400, silenceMs: HOUR_MS };

  test.each([
    ['no byte at all', ''],
    ['half a request line', 'POST /not'],
    ['a header without an end', HEAD],
    ['a body without an end', `${HEAD}Content-Length: 100${CRLF}{"User`],
    ['a chunk without an end', `${HEAD}Transfer-Encoding: chunked${CRLF}5\r\n{"`],
  ])('%s: the connection ends, and nothing is taken', async (_, bytes) => {
    const door = await testDoor({ limits });
    const { socket, closed } = await rawConnection(door);
    socket.write(bytes);
    await closed;
    expect(door.received).toEqual([]);
    expect((await ask(door, 'GET', '/healthz')).status).toBe(200);
  });

  test('a header that comes byte by byte', async () => {
    const door = await testDoor({ limits: { ...limits, requestMs: HOUR_MS } });
    const { socket, closed, text } = await rawConnection(door);
    const drip = setInterval(() => socket.write('x'), 20);
    socket.write(`${HEAD}X-Slow: `);
    await closed;
    clearInterval(drip);
    expect(text()).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('a body that comes byte by byte', async () => {
    const door = await testDoor({ limits });
    const { socket, closed, text } = await rawConnection(door);
    const drip = setInterval(() => socket.write(' '), 20);
    socket.write(`${HEAD}Content-Length: 100000${CRLF}`);
    await closed;
    clearInterval(drip);
    expect(text()).toMatch(/^HTTP\/1\.1 408 /);
    expect(door.received).toEqual([]);
  });

  test('a client that does not read its answer does not keep its place', async () => {
    let begin = (): void => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const metrics = (): Promise<string> => {
      begin();
      return Promise.resolve('x'.repeat(64 * 1024 * 1024));
    };
    const door = await testDoor({ limits: { silenceMs: 300, connections: 1 }, metrics });
    const { socket } = await rawConnection(door);
    socket.pause();
    socket.write(`GET /metrics HTTP/1.1\r\nHost: localhost${CRLF}`);
    await begun;
    const isServed = (): Promise<boolean> =>
      ask(door, 'GET', '/healthz').then(
        () => true,
        () => false, // no room yet
      );
    expect(await isServed()).toBe(false);
    while (!(await isServed())) await new Promise((resolve) => setTimeout(resolve, 20));
  });

  test('a connection that is kept and not used ends', async () => {
    const door = await testDoor({ limits: { keepAliveMs: 50 } });
    const { socket, closed, text } = await rawConnection(door);
    socket.write(wire);
    await closed;
    expect(text()).toContain(TOPIC);
  });

  test('a request in two halves is one', async () => {
    const door = await testDoor();
    const { socket, until } = await rawConnection(door);
    socket.write(wire.subarray(0, 300));
    await ask(door, 'GET', '/healthz');
    socket.write(wire.subarray(300));
    await until(TOPIC);
    expect(door.received).toEqual([REGISTRATION.toString()]);
  });

  test('a client that leaves in the middle of its body', async () => {
    const door = await testDoor();
    const { socket } = await rawConnection(door);
    socket.write(`${HEAD}Content-Length: 100${CRLF}{"User`);
    await ask(door, 'GET', '/healthz');
    socket.destroy();
    await ask(door, 'GET', '/healthz');
    expect(door.received).toEqual([]);
    expect(door.log.entries.filter(({ level }) => level !== 'debug')).toEqual([]);
  });
});

describe('large requests', () => {
  test('a body of 1 MiB is taken, one of a byte more is not', async () => {
    const door = await testDoor();
    const fits = jsonOf(MAX_EVENT_BYTES);
    expect((await ask(door, 'POST', '/notify', { body: fits })).status).toBe(200);
    expect((await ask(door, 'POST', '/notify', { body: `${fits} ` })).status).toBe(413);
    expect(door.received).toHaveLength(1);
  });

  test('a body of 64 MiB, with and without its length', async () => {
    const door = await testDoor();
    const body = Buffer.alloc(64 * MAX_EVENT_BYTES, ' ');
    const chunked = { headers: { 'Transfer-Encoding': 'chunked' } };
    for (const options of [{}, chunked]) {
      const answer = await ask(door, 'PUT', '/notify', { body, ...options });
      expect([answer.status, answer.headers.connection]).toEqual([413, 'close']);
    }
    expect(door.received).toEqual([]);
  });

  test('a body without an end is answered all the same', async () => {
    const door = await testDoor();
    const { socket, until } = await rawConnection(door);
    const megabyte = Buffer.alloc(MAX_EVENT_BYTES, ' ');
    socket.write(`${HEAD}Content-Length: ${2 ** 40}${CRLF}`);
    socket.write(megabyte);
    socket.write(megabyte);
    await until('HTTP/1.1 413 ');
  });

  test.each([
    ['a header of 9 kB', `${HEAD}X: ${'x'.repeat(9000)}${CRLF}`, 431],
    ['a path of 9 kB', `GET /${'x'.repeat(9000)} HTTP/1.1\r\nHost: localhost${CRLF}`, 431],
    ['no host', `POST /notify HTTP/1.1${CRLF}`, 400],
    ['something else than HTTP', `EHLO mail.example.org${CRLF}`, 400],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['two lengths', `${HEAD}Content-Length: 1\r\nContent-Length: 2${CRLF}{}`, 400],
    ['a length and chunks', `${HEAD}Content-Length: 2\r\nTransfer-Encoding: chunked${CRLF}0${CRLF}`, 400],
    ['a broken chunk', `${HEAD}Transfer-Encoding: chunked${CRLF}zz${CRLF}`, 400],
  ])('%s', async (_, bytes, status) => {
    const door = await testDoor();
    const { socket, closed, text } = await rawConnection(door);
    socket.write(Buffer.from(bytes, 'latin1'));
    await closed;
    expect(text()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(door.received).toEqual([]);
  });

  test('of a body nothing is logged', async () => {
    const door = await testDoor();
    const secret = 'do-not-tell';
    for (const body of [`{"Username":"${secret}"}`, `{"x":"${secret}"}`])
      for (const path of ['/register', '/notify', '/events']) await ask(door, 'POST', path, { body });
    expect(door.log.entries.length).toBeGreaterThan(0);
    expect(JSON.stringify(door.log.entries)).not.toContain(secret);
  });
});

describe('many connections', () => {
  test('1,000 of them, silent or half-way, leave the others served', async () => {
    const door = await testDoor();
    for (let count = 0; count < 1000; count += 1) {
      const { socket } = await rawConnection(door);
      if (count % 2 === 0) socket.write(HEAD);
    }
    for (let round = 0; round < 20; round += 1) {
      const answer = await ask(door, 'POST', '/register', { body: REGISTRATION });
      expect([answer.status, answer.body]).toEqual([200, TOPIC]);
    }
  });

  test('1,000 that ask at once are all answered', async () => {
    const door = await testDoor();
    const answers = await Promise.all(
      Array.from({ length: 1000 }, () => ask(door, 'POST', '/register', { body: REGISTRATION })),
    );
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(door.received).toHaveLength(1000);
  });

  test('when there are too many, the one without a request for longest makes room', async () => {
    const door = await testDoor({ limits: { connections: 3 } });
    const [first, second, third] = [
      await rawConnection(door),
      await rawConnection(door),
      await rawConnection(door),
    ];
    first.socket.write(wire); // the first is now the one that was of use last
    await first.until(TOPIC);
    expect((await ask(door, 'GET', '/healthz')).status).toBe(200);
    await second.closed;
    expect([first.socket.destroyed, third.socket.destroyed]).toEqual([false, false]);
  });

  test('one that waits for its answer never makes room', async () => {
    const { receive, begun, release } = pausedReceiver();
    const door = await testDoor({ limits: { connections: 1 }, receive });
    const waiting = await rawConnection(door);
    waiting.socket.write(wire);
    await begun;
    await expect(ask(door, 'GET', '/healthz')).rejects.toMatchObject({ code: 'ECONNRESET' });
    release();
    await waiting.until(TOPIC);
  });

  test('one connection serves many requests', async () => {
    const door = await testDoor();
    const agent = oneConnection();
    for (let round = 0; round < 50; round += 1)
      expect((await ask(door, 'POST', '/register', { body: REGISTRATION, agent })).body).toBe(TOPIC);
    const [sockets = []] = Object.values(agent.freeSockets);
    expect(sockets).toHaveLength(1);
  });

  test('requests sent without waiting are answered in turn', async () => {
    const door = await testDoor();
    const { socket, until, text } = await rawConnection(door);
    const healthz = `GET /healthz HTTP/1.1\r\nHost: localhost\r\n`;
    socket.write(Buffer.concat([wire, Buffer.from(`${healthz}Connection: close${CRLF}`)]));
    await until('ok\n');
    expect(text().indexOf(TOPIC)).toBeLessThan(text().indexOf('ok\n'));
  });
});

describe('close', () => {
  test('lets answers finish, and takes nothing new', async () => {
    const { receive, begun, release } = pausedReceiver();
    const door = await testDoor({ receive });
    const idle = await rawConnection(door);
    const answer = ask(door, 'POST', '/register', { body: REGISTRATION, agent: oneConnection() });
    await begun;
    const closed = door.close();
    await idle.closed;
    await expect(ask(door, 'GET', '/healthz')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    release();
    expect(await answer).toMatchObject({ status: 200, body: TOPIC, headers: { connection: 'close' } });
    await closed;
  });

  test('cuts off what does not finish', async () => {
    const door = await testDoor({ receive: () => new Promise(() => undefined), limits: { closingMs: 50 } });
    const waiting = await rawConnection(door);
    waiting.socket.write(wire);
    const half = await rawConnection(door);
    half.socket.write(`${HEAD}Content-Length: 100${CRLF}{"User`);
    await door.close();
    await Promise.all([waiting.closed, half.closed]);
    expect(waiting.text()).toBe('');
  });

  test('is done at once where nobody waits, kept connections or not', async () => {
    const door = await testDoor();
    const agent = oneConnection();
    await ask(door, 'GET', '/healthz', { agent });
    await rawConnection(door);
    await door.close();
    await door.close();
  });
});
