import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Config } from '../src/config/config.ts';
import { systemClock } from '../src/process/clock.ts';
import { statusOf } from '../src/status/status.ts';
import { verdictOf } from '../src/status/verdict.ts';
import { startTestApns, type TestApns } from './support/apns.ts';
import { eventually } from './support/command.ts';
import { captured } from './support/events.ts';
import { forget } from './support/pushes.ts';
import { notifyAsCyrus, registrationOf, served, settingFor } from './support/serving.ts';

let apns: TestApns;

beforeAll(async () => {
  apns = await startTestApns();
});
beforeEach(() => forget(apns));
afterAll(() => apns.close());

function setting(serve: (folder: string) => string): { folder: string; config: Config } {
  return settingFor(apns, (folder) => `delivery: { throttle: 0s }\nserve: ${serve(folder)}\n`);
}

/** A port of another program. */
async function busyPort(): Promise<{ port: number; free: () => Promise<void> }> {
  const other: Server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const free = (): Promise<void> => new Promise((resolve) => other.close(() => resolve()));
  onTestFinished(() => void other.close());
  return { port: (other.address() as AddressInfo).port, free };
}

const WITHOUT_DOORS = { metrics: true, status: false, pluginPadding: true, pluginNamesMailboxes: false };
const OK = 'OK NIL\r\n';

describe('a door that cannot be opened', () => {
  test('the port of HTTP is in use: all else works, that is told, and it is opened when the port is free', async () => {
    const { port, free } = await busyPort();
    const { folder, config } = setting(
      (dir) => `{ http: "127.0.0.1:${port}", cyrus_socket: ${dir}/cyrus.sock }`,
    );
    const { log, serving, metrics } = await served(config);
    expect(await notifyAsCyrus(folder, captured('dlist-ApplePushService.bin'))).toBe(OK);
    expect(await notifyAsCyrus(folder, captured('dlist-MessageNew.bin'))).toBe(OK);
    await apns.pushes(1);
    expect(serving.trouble()).toMatch(
      /^the door http is closed, and tried again: serve\.http: cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE.*; fix: stop what listens there/,
    );
    expect(await metrics.text()).toContain('xapplepush_door_open{door="http"} 0\n');
    expect(await metrics.text()).toContain('xapplepush_door_open{door="cyrus"} 1\n');
    await free();
    await eventually(
      () => serving.trouble(),
      (trouble) => trouble === undefined,
    );
    expect(await fetch(`http://127.0.0.1:${port}/readyz`).then((answer) => answer.text())).toBe('ready\n');
    expect(await metrics.text()).toContain('xapplepush_door_open{door="http"} 1\n');
    expect(log.messages('error')).toEqual([expect.stringMatching(/^a door cannot be opened/)]);
    expect(log.messages('info')).toContain('a door can be opened now');
  });

  test.each<[string, (socket: string) => () => void, RegExp]>([
    [
      'its folder is missing',
      (socket) => () => mkdirSync(join(socket, '..')),
      /EACCES: .*; fix: its folder must exist/,
    ],
    [
      'a file has its place',
      (socket) => {
        mkdirSync(join(socket, '..'));
        writeFileSync(socket, 'precious');
        return () => rmSync(socket);
      },
      /something else than a socket/,
    ],
  ])("Cyrus's socket, %s: /readyz says so, and it is opened within seconds", async (_, hurt, why) => {
    const { folder, config } = setting(
      (dir) => `{ http: "127.0.0.1:0", cyrus_socket: ${dir}/run/cyrus.sock }`,
    );
    const repair = hurt(join(folder, 'run/cyrus.sock'));
    const { ask } = await served(config);
    expect(await ask('/register', registrationOf('bob', 1))).toMatchObject({ status: 200 });
    const { status, text } = await ask('/readyz');
    expect(status).toBe(200);
    expect(text).toMatch(/^ready, but the door cyrus is closed, and tried again: .*; fix: /);
    expect(text).toMatch(why);
    expect((await ask('/metrics')).text).toContain('xapplepush_door_open{door="cyrus"} 0\n');
    repair();
    await eventually(
      async () => (await ask('/readyz')).text,
      (ready) => ready === 'ready\n',
    );
    expect(await notifyAsCyrus(join(folder, 'run'), captured('dlist-ApplePushService.bin'))).toBe(OK);
  });

  test('a reload to a place that is not there leaves the door before, until the place is there', async () => {
    const { folder, config } = setting((dir) => `{ http: "127.0.0.1:0", cyrus_socket: ${dir}/cyrus.sock }`);
    const { ask, serving, log } = await served(config);
    const elsewhere = { ...config, serve: { ...config.serve, cyrusSocket: join(folder, 'run/cyrus.sock') } };
    await serving.reload({ config: elsewhere, log });
    expect((await ask('/readyz')).text).toMatch(
      /^ready, but the door cyrus is as it was before, and tried again/,
    );
    expect(await notifyAsCyrus(folder, captured('dlist-ApplePushService.bin'))).toBe(OK);
    mkdirSync(join(folder, 'run'));
    await eventually(
      () => serving.trouble(),
      (trouble) => trouble === undefined,
    );
    expect(await notifyAsCyrus(join(folder, 'run'), captured('dlist-MessageNew.bin'))).toBe(OK);
    await eventually(
      () => notifyAsCyrus(folder, captured('dlist-MessageNew.bin')).catch(String),
      (answer) => answer.includes('ECONNREFUSED'),
    );
  });

  test('a reload to the former place ends the tries', async () => {
    const { folder, config } = setting((dir) => `{ cyrus_socket: ${dir}/run/cyrus.sock }`);
    const { serving, log } = await served(config);
    expect(serving.trouble()).toContain('the door cyrus is closed');
    await serving.reload({ config: { ...config, serve: WITHOUT_DOORS }, log });
    expect(serving.trouble()).toBeUndefined();
    mkdirSync(join(folder, 'run'));
    await new Promise((resolve) => setTimeout(resolve, 1500)); // it would have tried
    expect(existsSync(join(folder, 'run/cyrus.sock'))).toBe(false);
  });

  test('is told by status: which, since when, why and what to do; and no more once it is open', async () => {
    const { port, free } = await busyPort();
    const { config } = setting((dir) => `{ http: "127.0.0.1:${port}", cyrus_socket: ${dir}/cyrus.sock }`);
    const beganMs = Date.now();
    await served(config);
    const status = (): ReturnType<typeof statusOf> => statusOf(config, systemClock);
    const closed = async (): Promise<unknown[]> => (await status()).targets.served?.closed ?? [];
    const [door] = await eventually(closed, ({ length }) => length === 1);
    expect(door).toMatchObject({
      ...{ door: 'http', isAsBefore: false },
      reason: expect.stringMatching(/EADDRINUSE/) as string,
      fix: expect.stringMatching(/^stop what listens there/) as string,
    });
    expect((door as { sinceMs: number }).sinceMs - beganMs).toBeLessThan(10_000);
    expect(verdictOf(await status()).text).toMatch(/^does not work: the door http is closed, for /);
    await free();
    await eventually(closed, ({ length }) => length === 0);
    expect(verdictOf(await status()).text).not.toContain('door');
  });

  test('keeps nobody from ending at once', async () => {
    const { port } = await busyPort();
    const { config } = setting(() => `{ http: "127.0.0.1:${port}" }`);
    const { end, log } = await served(config);
    await end();
    expect(log.messages('info').at(-1)).toBe('ended');
  });
});

test('an address that others reach, without a password, is for another configuration', async () => {
  const { folder, config } = setting((dir) => `{ http: "0.0.0.0:0", cyrus_socket: ${dir}/cyrus.sock }`);
  await expect(served(config)).rejects.toMatchObject({ exitCode: 78 });
  expect(existsSync(join(folder, 'cyrus.sock'))).toBe(false); // nothing was taken from anybody
});
