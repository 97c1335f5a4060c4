import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ANSWER_TIMEOUT_MS } from '../../src/delivery/carry.ts';
import { eventually } from '../support/command.ts';
import { message } from '../support/cyrus-host.ts';
import { createServingHost, phone, type ServingHost, spooled } from '../support/cyrus-serve.ts';
import { type Cyrus, describeWithCyrus } from '../support/cyrus.ts';
import { tokenNumber } from '../support/events.ts';
import { loginImap } from '../support/imap.ts';
import { deliver } from '../support/lmtp.ts';
import { forget } from '../support/pushes.ts';
import type { Served } from '../support/serve.ts';
import { holdWriteLock } from '../support/store.ts';

const MESSAGES = 40;
const USERS = Array.from({ length: 8 }, (_, n) => `user${n}`);
const TOKENS = USERS.map((_, n) => tokenNumber(n));
const LOCKED_MS = 1000;

describeWithCyrus('serve at the notify socket of a real Cyrus', () => {
  let host: ServingHost;
  let served: Served;
  let cyrus: Cyrus;

  beforeAll(async () => {
    host = await createServingHost();
    served = await host.serve();
    cyrus = await host.start(USERS, { notifysocket: host.notifySocket });
    for (const [n, user] of USERS.entries()) {
      const imap = await loginImap(cyrus, user);
      await imap.registerDevice(phone(tokenNumber(n), ['INBOX'], n));
      await imap.close();
    }
  });
  afterAll(async () => {
    await cyrus.stop();
    await host.close();
  });
  beforeEach(() => {
    host.apns.setAnswers('*', ['200']);
    forget(host.apns);
  });

  /** Delivers to each in turn; gives the slowest reply in milliseconds. */
  const deliverAll = async (recipients: string[]): Promise<number> => {
    const tookMs: number[] = [];
    for (const recipient of recipients) {
      const [reply] = await deliver(cyrus.lmtpPort, 'bob@example.net', [recipient], message('x'));
      expect(reply?.code).toBe(250);
      tookMs.push(reply!.tookMs);
    }
    return Math.round(Math.max(...tookMs));
  };
  const many = (count: number): string[] => Array.from({ length: count }, (_, n) => USERS[n % USERS.length]!);
  const reached = (answer: string): string[] => [
    ...new Set(
      host.apns.received.filter((push) => push.answer === answer).map(({ deviceToken }) => deviceToken),
    ),
  ];
  const allReached = async (answer: string, timeoutMs?: number): Promise<void> => {
    await eventually(
      () => reached(answer).sort(),
      (tokens) => tokens.length === TOKENS.length,
      timeoutMs,
    );
    expect(reached(answer).sort()).toEqual(TOKENS);
  };

  test('while Apple is silent no delivery waits, and every push is sent once it is back', async () => {
    const answeringMs = await deliverAll(many(MESSAGES));
    await allReached('200');
    host.apns.setAnswers('*', ['silent']);
    const silentMs = await deliverAll(many(MESSAGES));
    process.stdout.write(`slowest LMTP reply: ${answeringMs} ms answering, ${silentMs} ms silent\n`);
    // Whoever waited for Apple even once would have waited for the whole of it.
    expect(silentMs).toBeLessThan(ANSWER_TIMEOUT_MS);
    await allReached('silent');
    forget(host.apns);
    host.apns.setAnswers('*', ['200']);
    await allReached('200', 60_000);
    await host.sent();
  }, 120_000);

  test('while the database is locked events go into the spool, and none is lost', async () => {
    const freeMs = Math.max(...(await Promise.all(many(MESSAGES).map((user) => deliverAll([user])))));
    await host.sent();
    forget(host.apns);
    const lock = holdWriteLock(host.sandbox.store);
    const startMs = Date.now();
    const tookMs = await Promise.all(many(MESSAGES).map((user) => deliverAll([user])));
    while (Date.now() - startMs < LOCKED_MS) tookMs.push(await deliverAll([USERS[0]!]));
    const [count, slowestMs] = [tookMs.length, Math.max(...tookMs)];
    process.stdout.write(
      `slowest LMTP reply: ${freeMs} ms with a free database, ${slowestMs} ms with a locked one\n`,
    );
    // Every reply came while the lock was held: none waited for it.
    await eventually(
      () => spooled(host.sandbox),
      (files) => files === count,
    );
    expect(host.apns.received).toEqual([]);
    lock.release();
    await allReached('200');
    await host.sent();
    expect(spooled(host.sandbox)).toBe(0);
  });

  test('killed with -9: mail goes on, what was owed is sent, and pushes flow again', async () => {
    for (let round = 0; round < 3; round += 1) {
      forget(host.apns);
      host.apns.setAnswers('*', ['silent']);
      await deliverAll([USERS[0]!]);
      await eventually(
        () => reached('silent'),
        (tokens) => tokens.length === 1,
      );
      expect(await served.end('SIGKILL')).toBe('SIGKILL');
      // Nobody listens: Cyrus writes an error into syslog, and the event is lost.
      await deliverAll(USERS);
      host.apns.setAnswers('*', ['200']);
      served = await host.serve();
      await eventually(
        () => reached('200'),
        (tokens) => tokens.includes(TOKENS[0]!),
      );
      expect(reached('200')).toEqual([TOKENS[0]]);
      await deliverAll(USERS);
      await allReached('200');
      await host.sent();
    }
  });
});
