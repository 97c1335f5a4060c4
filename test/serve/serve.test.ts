import { cpSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { messageOf } from '../../src/process/errors.ts';
import { writeSpool } from '../../src/spool/spool.ts';
import { configFor, startTestApns, type TestApns } from '../support/apns.ts';
import { configure as writeConfig, eventually, type Sandbox } from '../support/command.ts';
import { captured, DEVICE_TOKEN, messageNew, registration, tokenNumber } from '../support/events.ts';
import { sandboxHere, serveHere } from '../support/here.ts';
import { forget } from '../support/pushes.ts';
import { type Served, servings } from '../support/serve.ts';

let apns: TestApns;
/** In which the program runs here. */
let sandbox: Sandbox;
let served: Served[];

beforeEach(async () => {
  apns = await startTestApns();
  sandbox = sandboxHere('');
  served = [];
  configure('{ throttle: 1s, housekeeping_delay: 1s }');
});
afterEach(async () => {
  await apns.close(); // nobody waits for its answers then
  await Promise.all(served.map(({ end }) => end('SIGTERM')));
  sandbox.remove();
});

function configure(delivery: string, serve = `{ cyrus_socket: ${sandbox.dir}/cyrus.sock }`): void {
  writeConfig(sandbox, `${configFor(apns)}delivery: ${delivery}\nserve: ${serve}\n`);
}

async function start(): Promise<Served> {
  const serve = await serveHere(sandbox);
  served.push(serve);
  return serve;
}

/** What the door of Cyrus answers. */
function notify(bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(join(sandbox.dir, 'cyrus.sock'));
    socket.on('error', reject);
    socket.once('data', (answer) => {
      socket.destroy();
      resolve(answer.toString());
    });
    socket.write(bytes);
  });
}

/** Where the HTTP door listens, as the log tells. */
function httpAddress(): string {
  const [, address = ''] =
    /http (127\.0\.0\.1:\d+)/.exec(readFileSync(join(sandbox.dir, 'log'), 'utf8')) ?? [];
  return address;
}

const pushes = (count: number): Promise<TestApns['received']> =>
  eventually(
    () => apns.received,
    (received) => received.length >= count,
  );

describe('doors', () => {
  test('the control socket: handle pokes serve and starts no deliverer', async () => {
    await start();
    await sandbox.notify(registration());
    expect(await sandbox.notify(messageNew())).toMatchObject({ exitCode: 0 });
    await pushes(1);
    expect(sandbox.deliverers()).toEqual([]);
  });

  test('the spool', async () => {
    await start();
    writeSpool(sandbox.spool, Buffer.from(registration()), Date.now());
    writeSpool(sandbox.spool, Buffer.from(messageNew()), Date.now() + 1);
    expect((await pushes(1))[0]?.deviceToken).toBe(DEVICE_TOKEN);
  });

  test("Cyrus's notify socket", async () => {
    await start();
    expect(await notify(captured('dlist-ApplePushService.bin'))).toBe('OK NIL\r\n');
    expect(await notify(captured('dlist-MessageNew.bin'))).toBe('OK NIL\r\n');
    await pushes(1);
  });

  test('HTTP: the plugin of Dovecot registers and notifies', async () => {
    configure('{}', '{ http: "127.0.0.1:0" }');
    await start();
    const address = httpAddress();
    const post = (path: string, body: string): Promise<Response> =>
      fetch(`http://${address}${path}`, {
        method: 'POST',
        body,
        headers: { 'Content-Type': 'application/json' },
      });
    const register = readFileSync(
      new URL('../fixtures/dovecot/xaps-register-01-ios.json', import.meta.url),
      'utf8',
    );
    const answer = await post('/register', register);
    expect(await answer.text()).toBe(apns.topic);
    expect(
      (await post('/notify', '{"Username":"alice","Mailbox":"INBOX","Events":["MessageNew"]}')).status,
    ).toBe(200);
    await pushes(1);
    await eventually(
      async () => (await fetch(`http://${address}/metrics`)).text(),
      (text) => text.includes('xapplepush_pushes_total{outcome="delivered",reason="none"} 1'),
    );
  });
});

describe('the password of the HTTP door', () => {
  const ox = '{"user":"alice","event":"messageNew","folder":"INBOX"}';
  const put = (authorization?: string): Promise<Response> =>
    fetch(`http://${httpAddress()}/notify`, {
      method: 'PUT',
      body: ox,
      headers: { 'Content-Type': 'application/json', ...(authorization !== undefined && { authorization }) },
    });

  test('is asked for where it is configured', async () => {
    const file = join(sandbox.dir, 'password');
    writeFileSync(file, 'dovecot:secret\n');
    configure('{}', `{ http: "127.0.0.1:0", http_password_file: ${file} }`);
    await start();
    await sandbox.notify(registration());
    expect((await put()).status).toBe(401);
    expect((await put(`Basic ${btoa('dovecot:wrong')}`)).status).toBe(401);
    expect((await put(`Basic ${btoa('dovecot:secret')}`)).status).toBe(200);
    await pushes(1);
  });

  test('in a file that cannot be read: the door stays closed until it can', async () => {
    const file = join(sandbox.dir, 'password');
    configure('{}', `{ http: "127.0.0.1:0", http_password_file: ${file} }`);
    await start();
    expect(readFileSync(join(sandbox.dir, 'log'), 'utf8')).toMatch(
      /password cannot be read.*a door cannot be opened/,
    );
    expect(httpAddress()).toBe('');
    writeFileSync(file, 'dovecot:secret\n');
    await eventually(httpAddress, (address) => address !== '');
    expect((await put()).status).toBe(401);
  });
});

describe('signals', () => {
  test('SIGTERM: what is under way gets its answer, what is not stays for the next', async () => {
    const process = await start();
    await sandbox.notify(registration());
    apns.setAnswers('*', ['silent', '200']);
    await sandbox.notify(messageNew());
    await pushes(1);
    expect(await process.end('SIGTERM')).toBe(0);
    await start();
    await pushes(2);
    expect(apns.received[1]?.apnsId).toBe(apns.received[0]?.apnsId);
  });

  test('SIGHUP: the configuration is read again; a bad one changes nothing', async () => {
    const process = await start();
    const good = readFileSync(sandbox.configFile, 'utf8');
    writeFileSync(sandbox.configFile, `${good}unknown: 1\n`);
    process.signal('SIGHUP');
    await eventually(
      () => readFileSync(join(sandbox.dir, 'log'), 'utf8'),
      (log) => log.includes('the old one stays in force'),
    );
    writeFileSync(sandbox.configFile, good.replace('cyrus.sock', 'other.sock'));
    process.signal('SIGHUP');
    await eventually(
      () => servings(sandbox),
      (count) => count === 2,
    );
    await eventually(
      () => notify(captured('dlist-MessageNew.bin')).catch((error: unknown) => messageOf(error)),
      (answer) => answer.includes('ECONNREFUSED'), // the socket file stays when nobody listens any more
    );
    expect(await process.end('SIGTERM')).toBe(0);
  });
});

describe('a reload while Apple is silent', () => {
  /** Tells Cyrus's socket of new mail ten times and again until told to stop; gives the answers, or the errors. */
  function keepNotifying(): () => Promise<Map<string, number>> {
    const answers = new Map<string, number>();
    const until = new AbortController();
    const running = (async () => {
      while (!until.signal.aborted) {
        const answer = await notify(captured('dlist-MessageNew.bin')).catch(String);
        answers.set(answer, (answers.get(answer) ?? 0) + 1);
      }
    })();
    return async () => {
      await eventually(
        () => answers.get('OK NIL\r\n') ?? 0,
        (count) => count > 10 || answers.size > 1,
      );
      until.abort();
      await running;
      return answers;
    };
  }

  const logged = (): string => readFileSync(join(sandbox.dir, 'log'), 'utf8');

  beforeEach(async () => {
    configure(
      '{ throttle: 1s, housekeeping_delay: 1s }',
      `{ cyrus_socket: ${sandbox.dir}/cyrus.sock, http: "127.0.0.1:0" }`,
    );
    await start();
    await sandbox.notify(registration());
    apns.setAnswers('*', ['silent']);
    await sandbox.notify(messageNew());
    await pushes(1);
  });

  test('no event is refused, by no door, and every handler is heard', async () => {
    const stop = keepNotifying();
    const address = httpAddress();
    served[0]!.signal('SIGHUP');
    await eventually(
      () => servings(sandbox),
      (count) => count === 2,
    );
    expect((await fetch(`http://${address}/healthz`)).status).toBe(200);
    // The old delivery still waits for its answer, and the new one sends.
    apns.setAnswers('*', ['200']);
    await sandbox.notify(registration({ user: 'bob', apsDeviceToken: tokenNumber(2) }));
    await sandbox.notify(messageNew('bob'));
    await eventually(
      () => apns.received,
      (received) => received.some(({ deviceToken }) => deviceToken === tokenNumber(2)),
    );
    expect(sandbox.deliverers()).toEqual([]);
    const answers = await stop();
    expect([...answers.keys()]).toEqual(['OK NIL\r\n']);
  });

  test('another reload and the end come meanwhile: nothing is lost', async () => {
    const process = served[0]!;
    for (const count of [2, 3]) {
      process.signal('SIGHUP');
      process.signal('SIGHUP');
      if (count === 2)
        await eventually(
          () => servings(sandbox),
          (seen) => seen === 2,
        );
    }
    expect(await process.end('SIGTERM')).toBe(0);
    expect(process.stderr()).toBe('');
    expect(logged()).not.toContain('"level":"error"');
    apns.setAnswers('*', ['200']);
    forget(apns);
    await start();
    expect((await pushes(1))[0]?.deviceToken).toBe(DEVICE_TOKEN);
  });

  test('a door that cannot be opened leaves the one before, and all else is new', async () => {
    const good = readFileSync(sandbox.configFile, 'utf8');
    writeFileSync(join(sandbox.dir, 'file'), 'precious');
    writeFileSync(sandbox.configFile, good.replace('cyrus.sock', 'file'));
    served[0]!.signal('SIGHUP');
    await eventually(
      () => servings(sandbox),
      (count) => count === 2,
    );
    expect(logged()).toMatch(/something else than a socket.*a door cannot be opened as configured/);
    expect(await notify(captured('dlist-MessageNew.bin'))).toBe('OK NIL\r\n');
  });
});

test('two of them on one store share the work: every push once', async () => {
  configure('{ throttle: 0s }', '{}');
  await start();
  await start();
  const range = Array.from({ length: 100 }, (_, n) => n);
  const events = range.map((n) => registration({ user: `user${n}`, apsDeviceToken: tokenNumber(n) }));
  await sandbox.run([], { input: events.join('') });
  for (const n of range) writeSpool(sandbox.spool, Buffer.from(messageNew(`user${n}`)), Date.now());
  await pushes(range.length);
  await Promise.all(served.map(({ end }) => end('SIGTERM')));
  expect(apns.received.map(({ deviceToken }) => deviceToken).sort()).toEqual(range.map(tokenNumber));
});

test('a refused certificate stops sending until its file changes', async () => {
  await start();
  await sandbox.notify(registration());
  apns.setAnswers('*', ['403/BadCertificate']);
  await sandbox.notify(messageNew());
  await pushes(1);
  apns.setAnswers('*', ['200']);
  forget(apns);
  // Another file with the same content is a change: it has another inode.
  const { clientCertificate } = apns.files;
  cpSync(clientCertificate, `${clientCertificate}.new`);
  renameSync(`${clientCertificate}.new`, clientCertificate);
  await sandbox.notify(messageNew());
  await pushes(1);
  expect(apns.received[0]?.answer).toBe('200');
});
