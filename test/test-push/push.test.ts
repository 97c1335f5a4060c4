import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { MockAnswer } from '../../src/apns/mock/answers.ts';
import { readConfig } from '../../src/config/read.ts';
import type { Config } from '../../src/config/config.ts';
import type { ExitCode } from '../../src/process/errors.ts';
import { pushToUser } from '../../src/test-push/push.ts';
import { describeTestPushes, type TestPush } from '../../src/test-push/report.ts';
import { certificateFor } from '../check/setup.ts';
import { apnsConfig, type MockApns, withMockApns } from '../support/apns.ts';
import { createTestClock } from '../support/clock.ts';
import { EDITION } from '../support/control.ts';
import { ACCOUNT_ID, DEVICE_TOKEN, tokenNumber } from '../support/events.ts';
import { registered, rowsOf, subscription, temporaryFolder, testStore } from '../support/store.ts';
import type { Store } from '../../src/store/store.ts';
import type { NewTarget } from '../../src/targets/target.ts';

const clock = createTestClock(Date.now());

let store: Store;
beforeEach(() => {
  store = testStore(join(temporaryFolder(), 'x.db'));
});

function configOf(mock: MockApns): Config {
  const reading = readConfig(undefined, undefined);
  if (!('config' in reading)) throw new Error('the defaults are no configuration');
  return { ...reading.config, edition: EDITION, store: store.file, apns: apnsConfig(mock) };
}

function push(
  mock: MockApns,
  { user = 'alice', mailbox = 'INBOX', timeoutMs = 5000 } = {},
): Promise<{ pushes: TestPush[]; exitCode: ExitCode }> {
  return pushToUser({ config: configOf(mock), clock, user, mailbox, timeoutMs });
}

function device(n: number, mock: MockApns, changes: Partial<NewTarget> = {}): Promise<number> {
  return registered(store, { deviceToken: tokenNumber(n), topic: mock.topic, ...changes });
}

/** Everything that a real push would write down. */
async function everything(): Promise<unknown> {
  return Promise.all(
    ['targets', 'subscriptions', 'outbox', 'credentials'].map((name) =>
      rowsOf(store, `SELECT * FROM ${name}`),
    ),
  );
}

describe('a test push', () => {
  test('goes to each device of the user, whatever case the name has, and to nobody else', async () => {
    await withMockApns({}, async (mock) => {
      await device(1, mock);
      await device(2, mock);
      await device(3, mock, { user: 'bob' });
      const { pushes, exitCode } = await push(mock, { user: 'Alice' });
      expect(exitCode).toBe(0);
      expect(pushes.map(({ result, answer }) => [result, answer])).toEqual([
        ['taken', '200'],
        ['taken', '200'],
      ]);
      const tokens = mock.received.map(({ deviceToken }) => deviceToken).sort();
      expect(tokens).toEqual([tokenNumber(1), tokenNumber(2)]);
      expect(mock.connections).toBe(1);
    });
  });

  test('is what a real push is', async () => {
    await withMockApns({}, async (mock) => {
      await device(1, mock);
      await push(mock);
      expect(mock.received[0]).toMatchObject({
        ...{ topic: mock.topic, pushType: 'background', payload: { aps: { 'account-id': ACCOUNT_ID } } },
        expirationS: Math.floor(clock.nowMs() / 1000) + 24 * 3600,
      });
    });
  });

  test('of a folder carries its hash, and skips devices that did not ask for it', async () => {
    await withMockApns({}, async (mock) => {
      await device(1, mock);
      await device(2, mock, { subscriptions: [subscription()] });
      const { pushes, exitCode } = await push(mock, { mailbox: 'Archive' });
      expect(mock.received.map(({ m }) => m)).toEqual([['md5 of Archive']]);
      expect(pushes.map(({ result }) => result).sort()).toEqual(['taken', 'unsent']);
      const unsent = pushes.find(({ result }) => result === 'unsent');
      expect(unsent?.meaning).toBe('This device asked for INBOX only.');
      expect(exitCode).toBe(75);
    });
  });

  test('of a folder is not sent to a device that was told no names', async () => {
    await withMockApns({}, async (mock) => {
      await device(1, mock, {
        subscriptions: [subscription(), { ...subscription('Archive'), hash: undefined }],
      });
      const { pushes } = await push(mock, { mailbox: 'Archive' });
      expect(pushes).toMatchObject([
        { result: 'unsent', meaning: expect.stringMatching(/^This device was told no names/) as string },
      ]);
      expect(mock.received).toEqual([]);
    });
  });

  test('of INBOX in any spelling needs no subscription and carries no hash', async () => {
    await withMockApns({}, async (mock) => {
      await device(1, mock, { subscriptions: [subscription('Archive')] });
      expect((await push(mock, { mailbox: 'inbox' })).exitCode).toBe(0);
      expect(mock.received[0]?.m).toBeUndefined();
    });
  });

  test('notes nothing, whatever Apple says', async () => {
    await withMockApns({}, async (mock) => {
      await device(1, mock);
      const before = await everything();
      for (const answer of ['200', '410', '400/BadDeviceToken', '429', 'disconnect'] as const) {
        mock.setAnswers('*', [answer]);
        await push(mock);
      }
      expect(await everything()).toEqual(before);
    });
  });

  test('uses the main topic for a device that was told none, and says where no credential fits', async () => {
    await withMockApns({}, async (mock) => {
      await device(1, mock, { topic: '' });
      await device(2, mock, { topic: 'com.apple.mail.XServer.old' });
      const { pushes, exitCode } = await push(mock);
      expect(mock.received.map(({ topic }) => topic)).toEqual([mock.topic]);
      expect(exitCode).toBe(75);
      expect(pushes.find(({ topic }) => topic !== mock.topic)).toMatchObject({
        ...{ topic: 'com.apple.mail.XServer.old', result: 'unsent', answer: null },
        meaning: expect.stringContaining('must register again') as string,
      });
    });
  });
});

describe('several credentials', () => {
  test('each device gets its push with the credential of its topic, over its connection', async () => {
    await withMockApns({}, async (mock) => {
      const second = 'com.apple.mail.XServer.second';
      await device(1, mock);
      await device(2, mock, { topic: second });
      const config = configOf(mock);
      const also = [{ certificate: certificateFor(mock.files, second) }];
      const options = { config: { ...config, apns: { ...config.apns, also } }, clock, mailbox: 'INBOX' };
      const { exitCode } = await pushToUser({ ...options, user: 'alice' });
      expect(exitCode).toBe(0);
      const seen = mock.received.map(({ deviceToken, topic }) => [deviceToken, topic]).sort();
      expect(seen).toEqual([
        [tokenNumber(1), mock.topic],
        [tokenNumber(2), second],
      ]);
      expect(mock.connections).toBe(2);
    });
  });
});

describe('what Apple answers', () => {
  const ANSWERS: [MockAnswer, TestPush['result'], number, RegExp][] = [
    ['410/Unregistered@1700000000000', 'refused', 75, /no longer takes.*next real push removes/],
    ['400/BadDeviceToken', 'refused', 75, /does not know the device token/],
    ['400/TopicDisallowed', 'refused', 75, /does not fit.*xapplepush check/],
    ['403/BadCertificate', 'refused', 75, /does not accept our credential.*xapplepush check/],
    ['429', 'refused', 75, /too many pushes.*test push is not repeated/],
    ['503', 'refused', 75, /fault of its own/],
    ['413', 'refused', 75, /4096 bytes/],
    ['silent', 'unreachable', 69, /No answer came from Apple: .*within/],
    ['reset', 'unreachable', 69, /No answer/],
    ['goaway', 'unreachable', 69, /going away/],
    ['disconnect', 'unreachable', 69, /No answer/],
  ];

  test.each(ANSWERS)('%s', async (answer, result, exitCode, meaning) => {
    await withMockApns({ answers: { '*': [answer] } }, async (mock) => {
      await device(1, mock);
      const found = await push(mock, { timeoutMs: 1000 });
      expect(found.exitCode).toBe(exitCode);
      expect(found.pushes).toMatchObject([{ result }]);
      expect(found.pushes[0]?.meaning).toMatch(meaning);
      expect(found.pushes[0]?.answer === null).toBe(result === 'unreachable');
    });
  });

  test('nobody listens: every device is unreachable', async () => {
    const mock = await withMockApns({}, (stopped) => Promise.resolve(stopped));
    await device(1, mock);
    await device(2, mock);
    await withMockApns({ dir: temporaryFolder() }, async ({ files }) => {
      const config = configOf({ ...mock, files });
      const { pushes, exitCode } = await pushToUser({ config, clock, user: 'alice', mailbox: 'INBOX' });
      expect(exitCode).toBe(69);
      expect(pushes.map(({ meaning }) => meaning)).toEqual(
        Array.from({ length: 2 }, () => expect.stringContaining('connection refused') as string),
      );
    });
  });

  test('one that is unreachable outweighs one that is refused', async () => {
    await withMockApns({}, async (mock) => {
      mock.setAnswers(tokenNumber(1), ['410']);
      mock.setAnswers(tokenNumber(2), ['reset']);
      for (const n of [1, 2, 3]) await device(n, mock);
      const { pushes, exitCode } = await push(mock);
      expect(exitCode).toBe(69);
      expect(pushes.map(({ result }) => result).sort()).toEqual(['refused', 'taken', 'unreachable']);
    });
  });
});

describe('what cannot be done', () => {
  test.each([
    [{ user: 'nobody' }, 65, /user "nobody" has no device/, /devices list/],
    [{ mailbox: 'Trash' }, 65, /asked for the mailbox "Trash"/, /asked for: Archive, INBOX/],
    [
      { user: 'user.alice' },
      65,
      /"user.alice" is a mailbox of Cyrus, not a user/,
      /: xapplepush push alice$/,
    ],
    [{ user: 'user/alice/Archive' }, 65, /not a user/, /: xapplepush push alice --mailbox Archive$/],
    [{ mailbox: 'user.alice' }, 65, /devices ask for "INBOX"/, /push alice --mailbox INBOX$/],
    [{ mailbox: 'INBOX.Archive' }, 65, /devices ask for "Archive"/, /push alice --mailbox Archive$/],
    [{ mailbox: 'INBOX.Trash' }, 65, /asked for the mailbox "INBOX.Trash"/, /asked for: Archive, INBOX/],
  ])('%j', async (options, exitCode, message, hint) => {
    await withMockApns({}, async (mock) => {
      await device(1, mock);
      await expect(push(mock, options)).rejects.toMatchObject({
        exitCode,
        message: expect.stringMatching(message) as string,
        hint: expect.stringMatching(hint) as string,
      });
      expect(mock.received).toEqual([]);
    });
  });
});

describe('describeTestPushes', () => {
  const TAKEN: TestPush = {
    ...{
      user: 'alice',
      deviceToken: '80aa34cb…4f3a',
      accountId: '0715A26B…',
      kind: 'mail',
      mailbox: 'INBOX',
      topic: 'topic.one',
    },
    ...{ result: 'taken', answer: '200', meaning: 'Apple accepted the push.' },
  };

  test('tells for each device, and once what a success does not mean', () => {
    const shown = describeTestPushes([TAKEN, { ...TAKEN, result: 'refused', answer: '410 Unregistered' }]);
    expect(shown).toMatch(
      /^alice, device 80aa34cb…4f3a, INBOX: Apple took the push \(200\)\n {2}Apple accepted/,
    );
    expect(shown).toContain('Apple refused the push (410 Unregistered)');
    expect(shown.match(/does not mean that Mail acted on it/g)).toHaveLength(1);
    expect(shown).toContain('Fetch New Data');
    expect(shown).toContain('Low Power Mode');
  });

  test('without a success tells nothing of the phone', () => {
    const shown = describeTestPushes([{ ...TAKEN, result: 'unreachable', answer: null }]);
    expect(shown).toBe(
      'alice, device 80aa34cb…4f3a, INBOX: no answer\n  Apple accepted the push.\n  topic: topic.one\n',
    );
  });

  test('never shows ids as a whole', async () => {
    await withMockApns({}, async (mock) => {
      await registered(store, { topic: mock.topic });
      const { pushes } = await push(mock);
      expect(JSON.stringify(pushes)).not.toContain(DEVICE_TOKEN);
      expect(JSON.stringify(pushes)).not.toContain(ACCOUNT_ID);
    });
  });
});
