import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../src/config/load.ts';
import { mailboxHash } from '../src/mailboxes/mailbox-hash.ts';
import { openStore } from '../src/store/open.ts';
import type { Target } from '../src/targets/record.ts';
import { configFor, startTestApns, type TestApns } from './support/apns.ts';
import { ACCOUNT_ID, DEVICE_TOKEN } from './support/events.ts';
import { sandboxHere } from './support/here.ts';
import { forget } from './support/pushes.ts';
import { served } from './support/serving.ts';

const schema = new URL('../docs/registration.schema.json', import.meta.url);
const fits = new Ajv2020({ strictTypes: false, strictRequired: false }).compile(
  JSON.parse(readFileSync(schema, 'utf8')) as object,
);

const LEAST = {
  ...{ registration: 1, user: 'alice', accountId: ACCOUNT_ID, deviceToken: DEVICE_TOKEN },
  ...{ subtopic: 'com.apple.mobilemail', mailboxes: ['INBOX', { name: 'Entw&APw-rfe', vname: 'Entwürfe' }] },
};

const NEW_MAIL = {
  ...{ dovecot: 1, user: 'alice', events: [{ name: 'MessageNew', mailbox: 'Entwürfe' }] },
};

const TAKEN: [what: string, changes: object][] = [
  ['no more than must be there', {}],
  ['keys that are not known', { later: { deep: [null] }, registrations: 2 }],
  ['such keys at a mailbox', { mailboxes: [{ name: 'INBOX', vname: 'INBOX', role: 'inbox' }] }],
  ['version 1, which knows no mailboxes', { version: 1, mailboxes: [] }],
];

const REFUSED: [what: string, changes: object, words: RegExp][] = [
  ['another version of the format', { registration: 2 }, /registration: expected 1, got 2/],
  ['a version that is text', { registration: '1' }, /registration: expected 1, got a string/],
  ['a version of the command to come', { version: 3 }, /version: expected 1 or 2, got 3/],
  ['another source', { source: 'cyrus' }, /source: expected dovecot-plugin or other/],
  ['no user', { user: undefined }, /user is missing: expected a string/],
  ['no mailbox', { mailboxes: [] }, /names no mailbox/],
  ['more mailboxes than a phone has', { mailboxes: Array(1001).fill('INBOX') }, /names 1001 mailboxes/],
  ['the token of nobody', { deviceToken: 'zz' }, /a device token of 2 characters that is none/],
  ['another app', { subtopic: 'com.apple.mobilecal' }, /has subtopic/],
];

/** Whether it was taken, where not with which words, and by which code. */
interface Said {
  taken: boolean;
  words: string;
  code: number;
}

/** A host of xapplepush to which a mail server tells JSON by one of the ways of docs/registering.md. */
interface Way {
  tell: (text: string) => Promise<Said>;
  devices: () => Promise<Target[]>;
}

let apns: TestApns;
beforeAll(async () => {
  apns = await startTestApns();
});
afterAll(() => apns.close());
beforeEach(() => forget(apns));

function sandbox() {
  const made = sandboxHere(
    `${configFor(apns)}delivery: { throttle: 0s, linger: 1s }\nserve: { http: "127.0.0.1:0" }\n`,
  );
  onTestFinished(() => made.remove());
  const devices = async (): Promise<Target[]> => {
    const store = openStore(made.store, { create: true });
    try {
      return await store.listTargets({});
    } finally {
      store.close();
    }
  };
  return { made, devices };
}

function byStandardInput(): Promise<Way> {
  const { made, devices } = sandbox();
  const tell = async (text: string): Promise<Said> => {
    const { exitCode, stdout, stderr } = await made.run(['--wait'], { input: `${text}\n` });
    expect(stdout).toBe('');
    return { taken: exitCode === 0, words: stderr, code: exitCode ?? -1 };
  };
  return Promise.resolve({ tell, devices });
}

async function byHttp(): Promise<Way> {
  const { made, devices } = sandbox();
  const { ask } = await served(loadConfig(made.configFile, {}));
  const tell = async (text: string): Promise<Said> => {
    const { status, text: words } = await ask('/events', text);
    return { taken: status === 202, words, code: status };
  };
  return { tell, devices };
}

describe.each([
  { name: 'standard input', open: byStandardInput, bad: 65, tooBig: 65 },
  { name: 'POST /events', open: byHttp, bad: 400, tooBig: 413 },
])('a registration by $name', ({ open, bad, tooBig }) => {
  test('is a device, and pushes to it name the mailbox that its phone was told', async () => {
    const { tell, devices } = await open();
    const topic = apns.topic;
    expect(await tell(JSON.stringify({ ...LEAST, source: 'other', version: 2, topic }))).toMatchObject({
      taken: true,
    });
    expect(await devices()).toMatchObject([
      { user: 'alice', deviceToken: DEVICE_TOKEN, topic, apsVersion: 2 },
    ]);
    expect(await tell(JSON.stringify(NEW_MAIL))).toMatchObject({ taken: true });
    const [push] = await apns.pushes(1);
    expect(push).toMatchObject({ deviceToken: DEVICE_TOKEN, topic, m: [mailboxHash('Entwürfe')] });
  });

  test('is taken where its schema says so', async () => {
    const { tell, devices } = await open();
    for (const [user, [what, changes]] of TAKEN.entries()) {
      const value = { ...LEAST, user: `user${user}`, ...changes };
      expect({ fits: fits(value), ...(await tell(JSON.stringify(value))) }, what).toMatchObject({
        ...{ fits: true, taken: true },
      });
    }
    expect((await devices()).map(({ topic }) => topic)).toEqual(TAKEN.map(() => apns.topic));
  });

  test('is refused with the reason where its schema says so', async () => {
    const { tell, devices } = await open();
    for (const [what, changes, words] of REFUSED) {
      const value = JSON.parse(JSON.stringify({ ...LEAST, ...changes })) as unknown;
      const said = await tell(JSON.stringify(value));
      expect({ fits: fits(value), ...said }, what).toMatchObject({
        ...{ fits: false, taken: false, code: bad, words: expect.stringMatching(words) as string },
      });
      expect(said.words).not.toContain(DEVICE_TOKEN);
    }
    expect(await devices()).toEqual([]);
  });

  test('that is too big is refused, whatever is in it', async () => {
    const { tell, devices } = await open();
    const said = await tell(JSON.stringify({ ...LEAST, later: 'x'.repeat(1024 * 1024) }));
    expect(said).toMatchObject({ taken: false, code: tooBig });
    expect(said.words).toMatch(/longer than 1048576 bytes|expected at most 1 MiB/);
    expect(await devices()).toEqual([]);
  });

  test('is one line of several, of which a bad one keeps no other out', async () => {
    const { tell, devices } = await open();
    const lines = [LEAST, { ...LEAST, registration: 2 }, { ...LEAST, user: 'bob' }];
    expect(await tell(lines.map((line) => JSON.stringify(line)).join('\n'))).toMatchObject({ code: bad });
    expect((await devices()).map(({ user }) => user)).toEqual(['alice', 'bob']);
  });
});
