import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANSWER_TIMEOUT_MS } from '../../src/delivery/carry.ts';

import { eventually } from '../support/command.ts';
import { createCyrusHost, type CyrusHost, message } from '../support/cyrus-host.ts';
import { type Cyrus, describeWithCyrus } from '../support/cyrus.ts';
import { tokenNumber } from '../support/events.ts';
import { loginImap } from '../support/imap.ts';
import { deliver } from '../support/lmtp.ts';
import { forget } from '../support/pushes.ts';

const MESSAGES = 40;
const USERS = Array.from({ length: 8 }, (_, n) => `user${n}`);

describeWithCyrus('a real Cyrus while Apple is silent', () => {
  let host: CyrusHost;
  let cyrus: Cyrus;

  beforeAll(async () => {
    host = await createCyrusHost('{ linger: 10s }');
    cyrus = await host.start(USERS);
    for (const [n, user] of USERS.entries()) {
      const imap = await loginImap(cyrus, user);
      const device = { accountId: `0715A26B-CA09-4730-A419-79300000000${n}`, deviceToken: tokenNumber(n) };
      await imap.registerDevice({
        ...device,
        subtopic: 'com.apple.mobilemail',
        mailboxes: ['INBOX'],
        version: 2,
      });
      await imap.close();
    }
  });
  afterAll(async () => {
    await cyrus.stop();
    await host.close();
  });

  /** Delivers them one after the other, each user in turn; gives the slowest reply in milliseconds. */
  const deliverAll = async (subject: string): Promise<number> => {
    const tookMs: number[] = [];
    for (let n = 0; n < MESSAGES; n += 1) {
      const [reply] = await deliver(
        cyrus.lmtpPort,
        'bob@example.net',
        [USERS[n % USERS.length]!],
        message(subject),
      );
      expect(reply?.code).toBe(250);
      tookMs.push(reply!.tookMs);
    }
    return Math.max(...tookMs);
  };
  const reached = (answer: string): Set<string> =>
    new Set(
      host.apns.received.filter((push) => push.answer === answer).map(({ deviceToken }) => deviceToken),
    );

  test('no delivery waits for it, and every push is sent once it is back', async () => {
    const answeringMs = await deliverAll('with Apple answering');
    await eventually(
      () => reached('200').size,
      (count) => count === USERS.length,
    );

    host.apns.setAnswers('*', ['silent']);
    forget(host.apns);
    const silentMs = await deliverAll('with Apple silent');
    process.stdout.write(
      `slowest LMTP reply: ${Math.round(answeringMs)} ms answering, ${Math.round(silentMs)} ms silent\n`,
    );
    // Whoever waited for Apple even once would have waited for the whole of it.
    expect(silentMs).toBeLessThan(ANSWER_TIMEOUT_MS);

    await eventually(
      () => reached('silent').size,
      (count) => count === USERS.length,
    );
    host.apns.setAnswers('*', ['200']);
    await eventually(
      () => reached('200').size,
      (count) => count === USERS.length,
      60_000,
    );
  }, 120_000);
});
