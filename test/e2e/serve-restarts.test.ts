import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Activator, startActivator } from '../support/activator.ts';
import { COMMAND, environmentOf, eventually } from '../support/command.ts';
import { message } from '../support/cyrus-host.ts';
import { cyrusInstallation } from '../support/cyrus-installation.ts';
import { freePort } from '../support/cyrus-port.ts';
import { createServingHost, phone, type ServingHost } from '../support/cyrus-serve.ts';
import { type Cyrus, describeWithCyrus } from '../support/cyrus.ts';
import { tokenNumber } from '../support/events.ts';
import { loginImap } from '../support/imap.ts';
import { deliver } from '../support/lmtp.ts';
import { load } from '../support/load.ts';
import { describeWithTools } from '../support/needs.ts';
import { servings } from '../support/serve.ts';
import { childOf, freeze, unixClientsOf, workerOf } from '../support/unix-clients.ts';

const KEEP_SOCKETS = fileURLToPath(new URL('../../examples/keep-sockets', import.meta.url));

const CLIENTS = 20;
const DELIVERIES = load(600, 220);
const RESTARTS = load(10, 4);

/** Of a `serve` that is started again a second later. */
const KILLS = 3;

/** Deliveries between two restarts, so that all of these fall into the time of deliveries. */
const BETWEEN = DELIVERIES / (RESTARTS + 1);

const NEW_MAIL = /"event":"MessageNew","mailboxes":\["user\d+:INBOX"\]/g;

const USERS = Array.from({ length: CLIENTS }, (_, n) => `user${n}`);

/** The activator, which holds the sockets as systemd does, is a program of Python. */
const ACTIVATOR = { python3: 'python3' };

describeWithTools(ACTIVATOR, 'restarts of serve', () =>
  describeWithCyrus('while a real Cyrus delivers', whileCyrusDelivers),
);

function whileCyrusDelivers(): void {
  let host: ServingHost;
  let cyrus: Cyrus;
  let activator: Activator | undefined;

  beforeEach(async () => {
    host = await createServingHost();
    cyrus = await host.start(USERS, { notifysocket: host.notifySocket });
    activator = undefined;
  });
  afterEach(async () => {
    activator?.close();
    await cyrus.stop();
    await host.close();
  });

  /** Holds Cyrus's socket as systemd does, and starts the first `serve`. */
  const activate = async (): Promise<{ activator: Activator; pid: number }> => {
    const { uid, gid } = cyrusInstallation();
    const path = host.notifySocket.replace(/^dlist:/, '');
    activator = await startActivator(host.sandbox, [{ name: 'cyrus', path }], { owner: [uid, gid] });
    return { activator, pid: (await activator.start()).pid };
  };

  /** New mail that `serve` has taken, as its log tells: nobody has a device, so each event ends there. */
  const taken = (): number =>
    readFileSync(join(host.sandbox.dir, 'log'), 'utf8').match(NEW_MAIL)?.length ?? 0;

  const sendOnce = async (user: string): Promise<number | undefined> =>
    (await deliver(cyrus.lmtpPort, 'bob@example.net', [user], message('x')))[0]?.code;

  /** As an MTA does where lmtpd ends in the middle, which Cyrus 3.10 has done once when `serve` was killed. */
  const sendAgain = (user: string): Promise<number | undefined> =>
    sendOnce(user).catch((error: unknown) => {
      process.stdout.write(`delivered again: ${String(error)}\n`);
      return sendOnce(user);
    });

  /** Delivers by all clients at once, each one after the other; calls `restart` in between. */
  const deliverAll = async (restart: () => Promise<void>, send = sendOnce): Promise<void> => {
    let [left, done] = [DELIVERIES, 0];
    const clientOf = async (user: string): Promise<void> => {
      while (left > 0) {
        left -= 1;
        expect(await send(user)).toBe(250);
        done += 1;
      }
    };
    const restarting = (async () => {
      for (let round = 1; round <= RESTARTS; round += 1) {
        await eventually(
          () => done,
          (count) => count >= round * BETWEEN,
          120_000,
        );
        await restart();
      }
    })();
    await Promise.all([...USERS.map(clientOf), restarting]);
  };

  test('sockets held as systemd does, SIGTERM and start: every event is taken', async () => {
    const first = await activate();
    let { pid } = first;
    await deliverAll(async () => {
      expect(await first.activator.end(pid, 'SIGTERM')).toBe(0);
      ({ pid } = await first.activator.start());
    });
    expect(await eventually(taken, (count) => count >= DELIVERIES)).toBe(DELIVERIES);
  }, 300_000);

  test('kill -9 and start: no more is lost than was accepted and unanswered', async () => {
    const first = await activate();
    let { pid } = first;
    let accepted = 0;
    await deliverAll(async () => {
      const worker = workerOf(pid);
      await freeze(worker);
      const clients = unixClientsOf(worker);
      accepted += Math.min(clients.accepted, CLIENTS);
      expect(await first.activator.end(pid, 'SIGKILL')).toBe(-9);
      ({ pid } = await first.activator.start());
    }, sendAgain);
    const lost = DELIVERIES - taken();
    process.stdout.write(
      `kill -9, ${RESTARTS} times: ${lost} of ${DELIVERIES} events lost; ${accepted} were accepted\n`,
    );
    expect(lost).toBeLessThanOrEqual(accepted);
  }, 300_000);

  test('without systemd, each takes over from the one before: every event is taken', async () => {
    let before = await host.serve();
    await deliverAll(async () => {
      const next = await host.serve();
      expect(await before.ended).toBe(0);
      before = next;
    });
    expect(await eventually(taken, (count) => count >= DELIVERIES)).toBe(DELIVERIES);
  }, 300_000);

  test.each<[NodeJS.Signals, number | NodeJS.Signals, number]>([
    ['SIGTERM', 0, 0],
    ['SIGKILL', 'SIGKILL', CLIENTS],
  ])(
    'without systemd, %s with clients in the backlog, then start',
    async (signal, code, lost) => {
      let served = await host.serve();
      const deliverOnce = (): Promise<unknown> =>
        Promise.all(USERS.map((user) => deliver(cyrus.lmtpPort, 'bob@example.net', [user], message('x'))));
      let delivered = 0;
      for (let round = 1; round <= RESTARTS; round += 1) {
        const worker = workerOf(served.pid);
        await freeze(worker);
        const delivering = deliverOnce();
        await eventually(
          () => unixClientsOf(worker).waiting,
          (waiting) => waiting === CLIENTS,
        );
        served.signal(signal);
        if (signal !== 'SIGKILL') process.kill(worker, 'SIGCONT');
        expect(await served.ended).toBe(code);
        await delivering;
        served = await host.serve();
        await deliverOnce();
        delivered += 2 * CLIENTS;
        const missing = round * lost;
        expect(await eventually(taken, (count) => count >= delivered - missing)).toBe(delivered - missing);
      }
    },
    300_000,
  );

  test('held by examples/keep-sockets, kill -9 with clients in the backlog: the next answers them', async () => {
    const { sandbox, notifySocket } = host;
    const port = await freePort();
    const held = [`cyrus=${notifySocket.replace(/^dlist:/, '')}`, `http=127.0.0.1:${port}`];
    const args = [...held, '--', COMMAND, 'serve'];
    const env = environmentOf(sandbox.configFile);
    const keeper = spawn(KEEP_SOCKETS, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
    const ended = new Promise<number | null>((resolve) => keeper.on('exit', resolve));
    try {
      for (let round = 1; round <= KILLS; round += 1) {
        await eventually(
          () => servings(sandbox),
          (count) => count === round,
        );
        const pid = childOf(keeper.pid!);
        await freeze(workerOf(pid));
        const delivering = USERS.map((user) => sendOnce(user));
        await eventually(
          () => unixClientsOf(workerOf(pid)).waiting,
          (waiting) => waiting === CLIENTS,
        );
        process.kill(pid, 'SIGKILL');
        expect(new Set(await Promise.all(delivering))).toEqual(new Set([250]));
      }
      const all = KILLS * CLIENTS;
      expect(await eventually(taken, (count) => count >= all)).toBe(all);
      expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
    } finally {
      keeper.kill();
    }
    expect(await ended).toBe(0);
  }, 300_000);

  test('a phone that registers while nobody runs is registered by the next', async () => {
    const { activator: systemd, pid } = await activate();
    expect(await systemd.end(pid, 'SIGTERM')).toBe(0);
    const imap = await loginImap(cyrus, USERS[0]!);
    const registering = imap.registerDevice(phone(tokenNumber(1), ['INBOX']));
    await systemd.start();
    expect(await registering).toMatchObject({ status: 'OK', topic: host.apns.topic });
    await imap.close();
    await eventually(
      () => host.sandbox.run(['targets', 'list', '--json', '--user', USERS[0]!]),
      ({ stdout }) => stdout.includes(`"user": "${USERS[0]!}"`),
    );
  }, 60_000);
}
