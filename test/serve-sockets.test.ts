import { readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Activator, type HeldSocket, startActivator } from './support/activator.ts';
import { configFor, startTestApns, type TestApns } from './support/apns.ts';
import { configure as writeConfig, createSandbox, eventually, type Sandbox } from './support/command.ts';
import { captured } from './support/cyrus-door.ts';
import { freePort } from './support/cyrus-port.ts';
import { messageNew, registration } from './support/events.ts';
import { ask } from './support/http-door.ts';
import { describeWithTools, testWithTools } from './support/needs.ts';
import { type Served, servings, startServe } from './support/serve.ts';

let apns: TestApns;
let sandbox: Sandbox;
let served: Served[];
let activators: Activator[];

beforeEach(async () => {
  apns = await startTestApns();
  sandbox = createSandbox('');
  [served, activators] = [[], []];
});
afterEach(async () => {
  await Promise.all(served.map(({ end }) => end('SIGKILL')));
  for (const activator of activators) activator.close();
  sandbox.remove();
  await apns.close();
});

const inSandbox = (name: string): string => join(sandbox.dir, name);
const socket = (): string => inSandbox('cyrus.sock');
const logged = (): string => readFileSync(inSandbox('log'), 'utf8');

function configure(serve: string): void {
  writeConfig(sandbox, `${configFor(apns)}control: ${inSandbox('control.sock')}\nserve: ${serve}\n`);
}

async function start(): Promise<Served> {
  const process = await startServe(sandbox);
  served.push(process);
  return process;
}

async function hold(...sockets: HeldSocket[]): Promise<Activator> {
  const activator = await startActivator(sandbox, sockets);
  activators.push(activator);
  return activator;
}

/** What the door of Cyrus answers, or why it does not. */
function notify(): Promise<string> {
  return new Promise((resolve) => {
    const client = connect(socket());
    client.on('error', (error) => resolve(error.message));
    client.on('close', () => resolve('closed'));
    client.once('data', (answer) => {
      resolve(answer.toString());
      client.destroy();
    });
    client.write(captured('dlist-MessageNew.bin'));
  });
}

/** Does it again and again until told to stop; gives how often each answer came. */
function keep(ask: () => Promise<string>): () => Promise<Record<string, number>> {
  const answers: Record<string, number> = {};
  const until = new AbortController();
  const running = (async () => {
    while (!until.signal.aborted) {
      const answer = await ask();
      answers[answer] = (answers[answer] ?? 0) + 1;
    }
  })();
  return async () => {
    until.abort();
    await running;
    return answers;
  };
}

const OK = 'OK NIL\r\n';

/** What the XAPS plugin does when a phone logs in, over a connection of its own. */
async function register(port: number): Promise<string> {
  const body = readFileSync(new URL('fixtures/dovecot/xaps-register-01-ios.json', import.meta.url), 'utf8');
  const headers = { 'content-type': 'application/json' };
  return ask({ address: `127.0.0.1:${port}` }, 'POST', '/register', { body, headers }).then(
    ({ status, body: text }) => `${status} ${text}`,
    String,
  );
}

describeWithTools({ python3: 'python3' }, 'sockets that systemd holds', () => {
  test('serve where the configuration names none, over restarts, and nobody is refused', async () => {
    configure('{}');
    const activator = await hold(
      { name: 'cyrus', path: socket() },
      { name: 'http', port: 0 },
      { name: 'control', path: inSandbox('control.sock') },
      { name: 'lmtp', path: inSandbox('lmtp.sock') },
    );
    const inode = statSync(socket()).ino;
    const early = notify(); // waits for the first to come
    let { pid } = await activator.start();
    expect(await early).toBe(OK);
    expect(logged()).toMatch(/name lmtp.*a socket of systemd is not used/);
    const stops = [keep(notify), keep(() => register(activator.ports[1]!))];
    for (let round = 0; round < 3; round += 1) {
      expect(await activator.end(pid, 'SIGTERM')).toBe(0);
      ({ pid } = await activator.start());
    }
    const [events, registrations] = await Promise.all(stops.map((stop) => stop()));
    expect(Object.keys(events!)).toEqual([OK]);
    expect(Object.keys(registrations!)).toEqual([`200 ${apns.topic}`]);
    expect([statSync(socket()).ino, statSync(inSandbox('control.sock')).isSocket()]).toEqual([inode, true]);
    await sandbox.notify(messageNew()); // by the doorbell, whoever holds the socket
    expect(sandbox.deliverers()).toEqual([]);
  }, 120_000);

  test('take nothing of what systemd has when serve is killed', async () => {
    configure('{}');
    const activator = await hold({ name: 'cyrus', path: socket() });
    let { pid } = await activator.start();
    expect(await activator.end(pid, 'SIGKILL')).toBe(-9);
    const waiting = Array.from({ length: 20 }, () => notify());
    ({ pid } = await activator.start());
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([OK]));
    expect(await activator.end(pid, 'SIGTERM')).toBe(0);
  }, 60_000);

  test('that other machines reach need a password', async () => {
    configure('{}');
    const activator = await hold({ name: 'http', host: '0.0.0.0', port: 0 });
    const { code } = await activator.start();
    expect(code).toBe(78);
  });

  test('whose path is removed: one of our own is there, and the unit is to be restarted', async () => {
    configure(`{ cyrus_socket: ${inSandbox('other.sock')} }`);
    const activator = await hold({ name: 'cyrus', path: socket() });
    await activator.start();
    expect(logged()).toMatch(/serve\.cyrus_socket.*other than the one that is configured/);
    rmSync(socket());
    await eventually(logged, (log) => /restart the \.socket unit.*is there again/.test(log));
    expect(await notify()).toBe(OK);
  });
});

describe('without systemd, a second serve takes over', () => {
  test('the socket and the port, and the first ends by itself: nobody is refused', async () => {
    const port = await freePort();
    configure(`{ cyrus_socket: ${socket()}, http: "127.0.0.1:${port}" }`);
    let before = await start();
    await sandbox.notify(registration());
    const stop = keep(notify);
    for (let round = 0; round < 3; round += 1) {
      const next = await start();
      expect(await before.ended).toBe(0);
      expect(await register(port)).toBe(`200 ${apns.topic}`);
      before = next;
    }
    expect(Object.keys(await stop())).toEqual([OK]);
    expect(logged()).toMatch(/another serve has taken over/);
    expect(logged()).not.toContain('"level":"error"');
  }, 120_000);

  test('also where a deliverer has the control socket: it makes way', async () => {
    const port = await freePort();
    configure(`{ cyrus_socket: ${socket()}, http: "127.0.0.1:${port}" }`);
    await sandbox.notify(registration());
    apns.setAnswers('*', ['silent']);
    await sandbox.notify(messageNew());
    await apns.pushes(1); // which the deliverer waits for
    const before = await start();
    const next = await start();
    expect(await before.ended).toBe(0);
    expect(await register(port)).toBe(`200 ${apns.topic}`);
    await eventually(
      () => sandbox.deliverers(),
      (pids) => pids.length === 0,
    );
    expect(await next.end('SIGTERM')).toBe(0);
  }, 120_000);

  testWithTools(
    { python3: 'python3' },
    'a port that another program has is taken when that has gone; all else works meanwhile',
    async () => {
      const held = await hold({ name: 'other', port: 0 });
      const port = held.ports[0]!;
      configure(`{ cyrus_socket: ${socket()}, http: "127.0.0.1:${port}" }`);
      const { end } = await start();
      expect(await notify()).toBe(OK);
      expect(logged()).toMatch(/EADDRINUSE.*a door cannot be opened/);
      held.close();
      await eventually(
        () => register(port),
        (answer) => answer === `200 ${apns.topic}`,
      );
      expect(logged()).toMatch(/a door can be opened now/);
      expect(await end('SIGTERM')).toBe(0);
    },
  );
});

describe('a database that is moved or replaced under a running serve', () => {
  test.each([
    ['moved away', (): void => renameSync(sandbox.store, `${sandbox.store}.old`)],
    ['removed', (): void => rmSync(sandbox.store)],
  ])('%s: it is opened anew within seconds, and what came meanwhile is in it', async (_, move) => {
    configure(`{ cyrus_socket: ${socket()} }`);
    await start();
    await sandbox.notify(registration());
    for (const suffix of ['-wal', '-shm']) statSync(`${sandbox.store}${suffix}`); // it is open
    const count = servings(sandbox);
    move();
    for (const suffix of ['-wal', '-shm']) rmSync(`${sandbox.store}${suffix}`, { force: true });
    // The registration comes before anybody has looked: it waits in the spool for the new one.
    expect(await deliver(captured('dlist-ApplePushService.bin'))).toBe(OK);
    await eventually(
      () => servings(sandbox),
      (now) => now > count,
    );
    await eventually(logged, (log) => /stays in the file that was moved away.*opened anew/.test(log));
    await eventually(
      () => sandbox.run(['targets', 'list', '--json']),
      ({ stdout }) => stdout.includes('"source": "cyrus"'),
    );
  });

  function deliver(bytes: Buffer): Promise<string> {
    return new Promise((resolve, reject) => {
      const client = connect(socket());
      client.on('error', reject);
      client.once('data', (answer) => {
        resolve(answer.toString());
        client.destroy();
      });
      client.write(bytes);
    });
  }
});
