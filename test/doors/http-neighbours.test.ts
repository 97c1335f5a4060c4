import { spawn } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { BUDGET_BYTES, createBodyBudget, FREE_BYTES } from '../../src/doors/http-body-budget.ts';
import { createPace } from '../../src/doors/http-pace.ts';
import { sharedScrape } from '../../src/doors/http-scrape.ts';
import { MAX_EVENT_BYTES } from '../../src/events/read.ts';
import { ask, type RawConnection, rawConnection, testDoor } from '../support/http-door.ts';
import { temporaryFolder } from '../support/store.ts';

const CRLF = '\r\n\r\n';
const NEW_MAIL = '{"Username":"alice","Mailbox":"INBOX","Events":["MessageNew"]}';
const UNFINISHED = `POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${MAX_EVENT_BYTES}${CRLF}`;

describe('the memory for unfinished bodies', () => {
  test('never holds more than its bound, whatever is asked for', () => {
    const step = fc.record({ who: fc.nat(9), bytes: fc.nat(400), afterMs: fc.nat(1500), ends: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        let nowMs = 0;
        const held = new Map<number, number>();
        const budget = createBodyBudget(1000, () => nowMs);
        const open = (who: number): ReturnType<typeof budget.open> => budget.open(() => held.delete(who));
        const shares = new Map<number, ReturnType<typeof budget.open>>();
        for (const { who, bytes, afterMs, ends } of steps) {
          nowMs += afterMs;
          const share = shares.get(who) ?? open(who);
          shares.set(who, share);
          const wanted = (held.get(who) ?? 0) + bytes;
          if (share.hold(FREE_BYTES + wanted)) held.set(who, wanted);
          if (ends) {
            share.release();
            shares.delete(who);
            held.delete(who);
          }
          expect([...held.values()].reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(1000);
        }
      }),
    );
  });

  test('the slow make room first, and a newcomer is refused where none is slow', () => {
    let nowMs = 0;
    const lost: string[] = [];
    const budget = createBodyBudget(1000, () => nowMs);
    const share = (name: string): ReturnType<typeof budget.open> => budget.open(() => lost.push(name));
    const [slow, second] = [share('slow'), share('second')];
    expect([slow.hold(FREE_BYTES + 500), second.hold(FREE_BYTES + 500)]).toEqual([true, true]);
    expect(share('newcomer').hold(FREE_BYTES + 1)).toBe(false);
    expect(share('ordinary').hold(FREE_BYTES)).toBe(true);
    nowMs += 1000;
    expect(share('later').hold(FREE_BYTES + 1)).toBe(true);
    expect(lost).toEqual(['slow']);
    expect(slow.hold(FREE_BYTES + 1)).toBe(false);
    second.release();
    expect(share('last').hold(FREE_BYTES + 999)).toBe(true);
  });

  test('twice as many as there is room for: events are taken, the rest is told to come again', async () => {
    const door = await testDoor();
    const bodies = (2 * BUDGET_BYTES) / MAX_EVENT_BYTES;
    const clients: RawConnection[] = [];
    for (let count = 0; count < bodies; count += 1) {
      const client = await rawConnection(door);
      client.socket.write(UNFINISHED);
      client.socket.write(Buffer.alloc(MAX_EVENT_BYTES - 1, ' '));
      clients.push(client);
    }
    const refused = (): number => clients.filter(({ text }) => text().startsWith('HTTP/1.1 503 ')).length;
    while (refused() < bodies / 2) await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await ask(door, 'POST', '/events', { body: NEW_MAIL })).status).toBe(202);
    const gone = clients.find(({ text }) => text().startsWith('HTTP/1.1 503 '));
    expect(gone?.text()).toMatch(/\r\nRetry-After: \d+\r\n/);
    await gone?.closed;
  });

  test('one that there is no room for is refused before any of it has come', async () => {
    const door = await testDoor();
    const clients: RawConnection[] = [];
    for (let count = 0; count <= BUDGET_BYTES / MAX_EVENT_BYTES; count += 1) {
      const client = await rawConnection(door);
      client.socket.write(UNFINISHED);
      clients.push(client);
    }
    await Promise.race(clients.map(({ until }) => until('HTTP/1.1 503 ')));
  });

  test('a body that comes byte by byte holds its bytes, not an object for each', async () => {
    const door = await testDoor();
    const { socket, until } = await rawConnection(door);
    const padded = NEW_MAIL + ' '.repeat(20_000);
    const head = UNFINISHED.replace(/Content-Length: \d+/, 'Transfer-Encoding: chunked');
    socket.write(head + Array.from(padded, (byte) => `1\r\n${byte}\r\n`).join('') + `0${CRLF}`);
    await until('HTTP/1.1 202 ');
    expect(door.received.map((text) => text.trim())).toEqual([NEW_MAIL]);
  });
});

describe('the pace of large bodies', () => {
  test('is a chunk a turn, whoever it is of, one after the other', () => {
    const turns: (() => void)[] = [];
    const pace = createPace((turn) => turns.push(turn));
    const read: string[] = [];
    const body = (name: string) => ({ pause: () => undefined, resume: () => read.push(name) });
    const bodies = ['first', 'second', 'third'].map(body);
    for (const one of bodies) pace.came(one);
    for (let turn = 0; turn < 3; turn += 1) {
      turns.shift()!();
      expect(read).toHaveLength(turn + 1);
    }
    expect(read).toEqual(['first', 'second', 'third']);
    pace.came(bodies[0]!);
    pace.ended(bodies[0]!);
    while (turns.length > 0) turns.shift()!();
    expect(read).toHaveLength(3);
  });

  test('a small request that comes behind a flood is answered long before that is read', async () => {
    const door = await testDoor();
    const sockets = new Set<Socket>();
    const see = (message: unknown): void => void sockets.add((message as { socket: Socket }).socket);
    subscribe('http.server.request.start', see);
    onTestFinished(() => void unsubscribe('http.server.request.start', see));
    const bodies = 300;
    const sign = join(temporaryFolder(), 'sent');
    const port = door.address.split(':').at(-1) ?? '';
    const flood = spawn(process.execPath, ['-e', FLOOD, port, String(bodies), sign, UNFINISHED]);
    onTestFinished(() => void flood.kill());
    while (!existsSync(sign)) blockFor(10); // meanwhile nobody is accepted
    expect((await ask(door, 'POST', '/events', { body: NEW_MAIL })).status).toBe(202);
    const readBytes = [...sockets].reduce((sum, { bytesRead }) => sum + bytesRead, 0);
    expect(sockets.size).toBeGreaterThan(bodies);
    expect(readBytes).toBeLessThan((bodies * MAX_EVENT_BYTES) / 2);
  });

  /** Sends so many bodies, all but the last byte, and makes the file when each of them is on its way. */
  const FLOOD = `
    const [port, bodies, sign, head] = process.argv.slice(1);
    let left = Number(bodies);
    const rest = Buffer.alloc(${MAX_EVENT_BYTES} - 1, ' ');
    for (let count = left; count > 0; count -= 1) {
      const socket = require('node:net').connect(Number(port), '127.0.0.1', () => {
        socket.write(head);
        socket.write(rest);
        if ((left -= 1) === 0) require('node:fs').writeFileSync(sign, '');
      });
      socket.on('error', () => undefined).resume();
    }`;

  function blockFor(ms: number): void {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  }
});

describe('metrics', () => {
  test('are computed once for all who ask within a second, and for all who wait', async () => {
    let [nowMs, computed] = [0, 0];
    const scrape = sharedScrape(
      () => Promise.resolve(`${(computed += 1)}`),
      () => nowMs,
    );
    expect(await Promise.all([scrape(), scrape(), scrape()])).toEqual(['1', '1', '1']);
    nowMs += 999;
    expect(await scrape()).toBe('1');
    nowMs += 1;
    expect(await scrape()).toBe('2');
  });

  test('that took long are computed again after nine times as long', async () => {
    let [nowMs, computed] = [0, 0];
    const scrape = sharedScrape(
      () => {
        nowMs += 400;
        return Promise.resolve(`${(computed += 1)}`);
      },
      () => nowMs,
    );
    await scrape();
    nowMs += 3599;
    expect(await scrape()).toBe('1');
    nowMs += 1;
    expect(await scrape()).toBe('2');
  });

  test('that failed are tried again by the next who asks', async () => {
    let fails = true;
    const scrape = sharedScrape(() => (fails ? Promise.reject(new Error('locked')) : Promise.resolve('ok')));
    await expect(scrape()).rejects.toThrow('locked');
    fails = false;
    expect(await scrape()).toBe('ok');
  });
});

describe('requests that are sent without waiting', () => {
  const scrape = `GET /readyz HTTP/1.1\r\nHost: localhost${CRLF}`;

  test('one of a connection is under way at a time', async () => {
    let [underWay, most] = [0, 0];
    const door = await testDoor({
      receive: async () => {
        most = Math.max(most, (underWay += 1));
        await new Promise((resolve) => setTimeout(resolve, 5));
        underWay -= 1;
        return { bad: undefined, targets: 0, topic: undefined, spooled: false };
      },
    });
    const { socket, text } = await rawConnection(door);
    const request =
      UNFINISHED.replace(/Content-Length: \d+/, `Content-Length: ${NEW_MAIL.length}`) + NEW_MAIL;
    socket.write(request.repeat(10));
    while (text().split('HTTP/1.1 202 ').length <= 10) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(most).toBe(1);
  });

  test('a flood of them is cut off, and leaves the others served', async () => {
    const door = await testDoor();
    const { socket, closed, text } = await rawConnection(door);
    socket.write(scrape.repeat(10_000));
    await closed;
    expect(text().split('HTTP/1.1 200 ').length).toBeLessThan(100);
    expect((await ask(door, 'POST', '/events', { body: NEW_MAIL })).status).toBe(202);
  });
});
