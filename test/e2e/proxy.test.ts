import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeSpool } from '../../src/spool/spool.ts';
import { connect } from '../../src/store/sqlite/driver.ts';
import { answer, listening, scriptedServer } from '../apns/scripted-server.ts';
import { configFor, startTestApns, type TestApns } from '../support/apns.ts';
import { configure, createSandbox, eventually, type Sandbox } from '../support/command.ts';
import { messageNew, registration, tokenNumber } from '../support/events.ts';
import { describeWithTools } from '../support/needs.ts';
import { startTinyproxy } from '../support/proxy.ts';
import { type Served, startServe } from '../support/serve.ts';

const PASSWORD = 'sesame';
const AUTHENTICATION = [`BasicAuth alice ${PASSWORD}`];

let apns: TestApns;
let sandbox: Sandbox;
let served: Served | undefined;

beforeEach(async () => {
  apns = await startTestApns();
  sandbox = createSandbox('');
});
afterEach(async () => {
  await served?.end('SIGKILL');
  served = undefined;
  sandbox.remove();
  await apns.close();
});

/** The stand-in behind that proxy. Gives the password's file, in which this password stands. */
function configureProxy(address: string, password = PASSWORD, more = ''): string {
  const file = join(sandbox.dir, 'proxy-password');
  writeFileSync(file, `alice:${password}\n`, { mode: 0o600 });
  const proxy = `  proxy: ${address}\n  proxy_password_file: ${file}\n`;
  configure(sandbox, `${configFor(apns)}${proxy}delivery: { throttle: 0s, linger: 0s }\n${more}`);
  return file;
}

/** Registers so many users, each with a device. */
async function register(users: number): Promise<void> {
  const each = Array.from({ length: users }, (_, n) => ({
    user: `user${n}`,
    apsDeviceToken: tokenNumber(n),
  }));
  const input = each.map(registration).join('');
  expect(await sandbox.run([], { input })).toMatchObject({ exitCode: 0 });
}

interface Rows {
  waiting: number;
  devices: number;
}

function rows(): Rows {
  const database = connect(sandbox.store, { fileMustExist: true });
  const sql = 'SELECT (SELECT count(*) FROM outbox) AS waiting, (SELECT count(*) FROM targets) AS devices';
  const found = database.prepare(sql).get() as Rows;
  database.close();
  return found;
}

function logged(): string {
  const file = join(sandbox.dir, 'log');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** All that the commands and the log say; the password must be nowhere in it. */
function withoutPassword(text: string): string {
  const log = logged();
  const encoded = Buffer.from(`alice:${PASSWORD}`).toString('base64');
  for (const secret of [PASSWORD, encoded, 'wrong-one', Buffer.from('alice:wrong-one').toString('base64')])
    expect(text + log).not.toContain(secret);
  return text;
}

async function pointsOfCheck(): Promise<Record<string, { state: string; text: string; fix: string | null }>> {
  const { stdout } = await sandbox.run(['check', '--json']);
  const points = JSON.parse(withoutPassword(stdout)) as {
    point: string;
    state: string;
    text: string;
    fix: string;
  }[];
  return Object.fromEntries(points.map((each) => [each.point, each]));
}

describeWithTools({ tinyproxy: 'tinyproxy' }, 'a tinyproxy', () => {
  test('takes short processes to Apple, and they end; check goes through it', async () => {
    const { address } = await startTinyproxy(AUTHENTICATION);
    configureProxy(address);
    await register(1);
    writeSpool(sandbox.spool, Buffer.from(messageNew('user0')), Date.now());
    expect(await sandbox.run(['flush'])).toMatchObject({ exitCode: 0 });
    expect(apns.received).toMatchObject([{ deviceToken: tokenNumber(0), answer: '200' }]);
    expect(await sandbox.run(['push', 'user0'])).toMatchObject({ exitCode: 0 });
    expect(await sandbox.notify(messageNew('user0'))).toMatchObject({ exitCode: 0 });
    await apns.pushes(3);
    await eventually(
      () => sandbox.deliverers().length,
      (count) => count === 0,
    );
    const points = await pointsOfCheck();
    for (const name of ['name', 'port', 'CONNECT']) expect(points[`Proxy: ${name}`]?.state).toBe('ok');
    for (const name of ['TLS', 'HTTP/2', 'push']) expect(points[`Apple: ${name}`]?.state).toBe('ok');
    expect(points['secret files']?.text).toContain('proxy-password');
    expect(points['Apple: port']).toBeUndefined();
  });

  test('takes provider tokens to Apple', async () => {
    const { address } = await startTinyproxy();
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = join(sandbox.dir, 'key.p8');
    writeFileSync(key, String(privateKey.export({ type: 'pkcs8', format: 'pem' })), { mode: 0o600 });
    const token = `token: { key: ${key}, key_id: ABC123DEFG, team_id: DEF123GHIJ }`;
    const seen: unknown[] = [];
    const server = scriptedServer(apns, 10, (stream) => {
      answer(stream);
    });
    server.on('stream', (_stream, headers) => seen.push(headers['authorization']));
    await listening(server, async ({ origin }) => {
      const keys = `server: ${origin}, ca: ${apns.files.ca}, ${token}, topic: ${apns.topic}, proxy: '${address}'`;
      configure(sandbox, `apns: { ${keys} }\n`);
      await register(1);
      writeSpool(sandbox.spool, Buffer.from(messageNew('user0')), Date.now());
      expect(await sandbox.run(['flush'])).toMatchObject({ exitCode: 0 });
    });
    expect(seen).toEqual([expect.stringMatching(/^bearer [\w-]+\.[\w-]+\.[\w-]+$/)]);
  });

  test('that refuses the password costs nothing, and the corrected file is taken up', async () => {
    const { address } = await startTinyproxy(AUTHENTICATION);
    const file = configureProxy(address, 'wrong-one');
    await register(2);
    served = await startServe(sandbox);
    writeSpool(sandbox.spool, Buffer.from(messageNew('user0')), Date.now());
    const why =
      'the proxy refuses the name or password (401): correct the content of apns.proxy_password_file';
    const { stdout } = await eventually(
      () => sandbox.run(['status']),
      (status) => status.stdout.includes('Apple cannot be reached'),
    );
    expect(withoutPassword(stdout).replace(/\s+/g, ' ')).toContain(why);
    expect(logged()).toContain(why);
    expect(logged()).not.toContain('Apple refuses');
    expect(rows()).toEqual({ waiting: 1, devices: 2 });
    const points = await pointsOfCheck();
    expect(points['Proxy: CONNECT']).toMatchObject({
      state: 'problem',
      fix: `correct name:password in ${file}`,
    });
    writeFileSync(file, `alice:${PASSWORD}\n`);
    expect(await apns.pushes(1)).toHaveLength(1);
    await eventually(rows, ({ waiting }) => waiting === 0);
    expect(served.stderr()).toBe('');
  });

  test('another one is taken up with SIGHUP', async () => {
    const closed = await startTinyproxy(['ConnectPort 1']);
    configureProxy(closed.address);
    await register(1);
    served = await startServe(sandbox);
    writeSpool(sandbox.spool, Buffer.from(messageNew('user0')), Date.now());
    await eventually(
      () => logged(),
      (log) => log.includes('the proxy forbids this connection (403)'),
    );
    const open = await startTinyproxy(AUTHENTICATION);
    configureProxy(open.address);
    served.signal('SIGHUP');
    expect(await apns.pushes(1)).toHaveLength(1);
  });

  test('that cannot reach Apple says so', async () => {
    const { address } = await startTinyproxy();
    configureProxy(address);
    await apns.close();
    const points = await pointsOfCheck();
    expect(points['Proxy: CONNECT']?.text).toMatch(/the proxy cannot reach the server \(50\d\)$/);
    expect(points['Proxy: CONNECT']?.fix).toContain("the proxy's log");
    expect(points['Apple: TLS']?.state).toBe('skipped');
  });

  test('killed under load, and back: nothing is lost, and nobody is removed', async () => {
    const users = 300;
    const kills = [60, 160];
    const proxy = await startTinyproxy(AUTHENTICATION);
    configureProxy(proxy.address);
    await register(users);
    served = await startServe(sandbox);
    for (let n = 0; n < users; n += 1) {
      if (kills.includes(n)) await proxy.kill();
      if (kills.includes(n - 50)) await proxy.start();
      writeSpool(sandbox.spool, Buffer.from(messageNew(`user${n}`)), Date.now());
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const files = (): number => readdirSync(join(sandbox.spool, 'new')).length;
    await eventually(
      () => rows().waiting + files(),
      (count) => count === 0,
      120_000,
    );
    const taken = apns.received.filter(({ answer }) => answer === '200');
    expect(new Set(taken.map(({ deviceToken }) => deviceToken)).size).toBe(users);
    // Told twice only where Apple may have taken it and we cannot know; then under the same id.
    expect(new Set(taken.map(({ apnsId }) => apnsId)).size).toBe(users);
    expect(new Set(taken.map(({ connection }) => connection)).size).toBeGreaterThan(1);
    expect(rows()).toEqual({ waiting: 0, devices: users });
    const log = withoutPassword(logged());
    expect(log).toContain('the proxy cannot be reached: connection refused (ECONNREFUSED)');
  }, 200_000);
});
