import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Config } from '../src/config/config.ts';
import { writeSpool } from '../src/spool/spool.ts';
import { openStore } from '../src/store/open.ts';
import { startTestApns, type TestApns } from './support/apns.ts';
import { eventually } from './support/command.ts';
import { notify } from './support/cyrus-door.ts';
import { ACCOUNT_ID, registration, tokenNumber } from './support/events.ts';
import { notifyAsCyrus, registrationOf, served, settingFor } from './support/serving.ts';

/** `targets.max_per_user` devices of alice may be there of each source. */
const MAX = 2;

let apns: TestApns;
let folder: string;
let config: Config;
let ask: Awaited<ReturnType<typeof served>>['ask'];

beforeAll(async () => {
  apns = await startTestApns();
});
afterAll(() => apns.close());

beforeEach(async () => {
  ({ folder, config } = settingFor(
    apns,
    (folder) => `targets: { max_per_user: ${MAX} }
serve: { http: "127.0.0.1:0", cyrus_socket: ${folder}/cyrus.sock }
`,
  ));
  ({ ask } = await served(config));
});

const byCyrus = (n: number): string =>
  registration({ user: 'alice', apsDeviceToken: tokenNumber(n), apsAccountId: ACCOUNT_ID });
const byXaps = (n: number): string => registrationOf('alice', n);

type Way =
  | 'cyrus'
  | 'http'
  | 'in the shape of Cyrus by http'
  | 'spooled by Cyrus'
  | 'spooled by XAPS'
  | 'in the shape of Cyrus by http, spooled';

/** The ways in, each with how a registration comes there and is in the store when it returns. */
const WAYS: Record<Way, (n: number) => Promise<void>> = {
  cyrus: async (n) => expect(await notifyAsCyrus(folder, notify(byCyrus(n)))).toBe('OK NIL\r\n'),
  http: async (n) => expect(await ask('/register', byXaps(n))).toMatchObject({ status: 200 }),
  'in the shape of Cyrus by http': async (n) =>
    expect(await ask('/events', byCyrus(n))).toMatchObject({ status: 202 }),
  'spooled by Cyrus': (n) => spooled(byCyrus(n)),
  'spooled by XAPS': (n) => spooled(byXaps(n)),
  'in the shape of Cyrus by http, spooled': (n) => spooled(byCyrus(n), Date.now(), { byHttp: true }),
};

/** `atMs` is when it was written. */
async function spooled(text: string, atMs = Date.now(), how = {}): Promise<void> {
  writeSpool(config.spool, Buffer.from(text), atMs, how);
  await eventually(
    () =>
      ['new', 'cur']
        .map((each) => join(config.spool, each))
        .filter(existsSync)
        .flatMap((each) => readdirSync(each)),
    (files) => files.length === 0,
  );
}

async function devices(): Promise<number[]> {
  const store = openStore(config.store, { create: false });
  try {
    const targets = await store.listTargets({});
    return targets.map(({ deviceToken }) => Number.parseInt(deviceToken, 16) - 1).sort((a, b) => a - b);
  } finally {
    store.close();
  }
}

/** One after the other, so that the first is the oldest. */
async function come(way: Way, ...numbers: number[]): Promise<void> {
  for (const n of numbers) {
    await WAYS[way](n);
    await new Promise((resolve) => setTimeout(resolve, 2)); // an age is in milliseconds
  }
}

describe('a device too many', () => {
  test.each<[Way, Way]>([
    ['cyrus', 'http'],
    ['http', 'cyrus'],
    ['spooled by Cyrus', 'http'],
    ['spooled by XAPS', 'cyrus'],
    ['spooled by Cyrus', 'spooled by XAPS'],
    ['spooled by XAPS', 'spooled by Cyrus'],
    ['in the shape of Cyrus by http', 'cyrus'],
    ['cyrus', 'in the shape of Cyrus by http'],
    ['in the shape of Cyrus by http', 'spooled by Cyrus'],
    ['in the shape of Cyrus by http', 'http'],
    ['in the shape of Cyrus by http, spooled', 'cyrus'],
    ['spooled by Cyrus', 'in the shape of Cyrus by http, spooled'],
  ])('%s: the oldest of its own source makes way, and none that came %s', async (way, other) => {
    await come(other, 1, 2);
    await come(way, 11, 12);
    expect(await devices()).toEqual([1, 2, 11, 12]);
    await come(way, 13, 14, 15);
    expect(await devices()).toEqual([1, 2, 14, 15]);
    await come(other, 3);
    expect(await devices()).toEqual([2, 3, 14, 15]);
  });

  test.each<[Way, Way]>([
    ['cyrus', 'spooled by Cyrus'],
    ['spooled by Cyrus', 'cyrus'],
    ['http', 'spooled by XAPS'],
    ['spooled by XAPS', 'http'],
    ['in the shape of Cyrus by http', 'in the shape of Cyrus by http, spooled'],
    ['in the shape of Cyrus by http, spooled', 'in the shape of Cyrus by http'],
  ])('%s: of one source are those that came %s too', async (way, other) => {
    await come(other, 1, 2);
    await come(way, 3);
    expect(await devices()).toEqual([2, 3]);
  });

  test.each([
    ['cyrus', byCyrus],
    ['http', byXaps],
  ] as const)('one that has waited in the spool pushes out none that came later: %s', async (way, text) => {
    await come(way, 1, 2);
    await spooled(text(3), Date.now() - 60_000);
    expect(await devices()).toEqual([1, 2]);
  });

  test.each(['cyrus', 'http'] as const)('that renews is none: %s', async (way) => {
    await come(way, 1, 2, 1);
    expect(await devices()).toEqual([1, 2]);
    await come(way, 3);
    expect(await devices()).toEqual([1, 3]);
  });

  test.each<[Way, Way]>([
    ['in the shape of Cyrus by http', 'cyrus'],
    ['cyrus', 'in the shape of Cyrus by http'],
    ['spooled by Cyrus', 'in the shape of Cyrus by http'],
  ])('of those that came %s and now come %s none is there twice or lost', async (before, now) => {
    await come(before, 1, 2);
    await come(now, 1, 2);
    expect(await devices()).toEqual([1, 2]);
    await come(before, 3, 4);
    expect(await devices()).toEqual([1, 2, 3, 4]);
    await come(now, 5);
    expect(await devices()).toEqual([2, 3, 4, 5]);
  });
});
