import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TokenCredential } from '../../src/apns/credentials/credentials.ts';
import { TOKEN_MIN_AGE_MS, TOKEN_RENEWAL_AGE_MS } from '../../src/apns/provider-token.ts';
import type { Answer, Push } from '../../src/apns/push.ts';
import type { Store } from '../../src/store/store.ts';
import { withBearer } from '../../src/delivery/bearer.ts';
import { createLine, type Line } from '../../src/delivery/line.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';
import { DELIVERED, scriptedConnection } from '../support/scripted-connection.ts';
import { NOW_MS, testStore } from '../support/store.ts';

const TOPIC = 'com.apple.mobilemail.push.org.example.mail';
const EXPIRED: Answer = { status: 403, reason: 'ExpiredProviderToken' };

let store: Store;
let clock: TestClock;

beforeEach(() => {
  store = testStore();
  clock = createTestClock(NOW_MS);
});
afterEach(() => store.close());

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const credential: TokenCredential = {
  kind: 'token',
  keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  keyId: 'ABC123DEFG',
  teamId: 'DEF123GHIJ',
  topic: TOPIC,
  topics: [TOPIC],
  fingerprint: 'f'.repeat(64),
  files: [],
  notAfterMs: undefined,
};

const push: Push = { apnsId: 'a', deviceToken: 'b', topic: TOPIC, payload: '{}', expirationS: 1 };

/** A line as a process of its own would have it, and the tokens that Apple saw on it. */
function processLine(answers: Answer[] = []): { line: Line; tokens: () => (string | undefined)[] } {
  const connection = scriptedConnection(() => answers.shift() ?? DELIVERED);
  const line = withBearer(
    createLine(() => Promise.resolve(connection)),
    credential,
    store,
    clock,
  );
  return { line, tokens: () => connection.received.map(({ authorization }) => authorization) };
}

test('several short-lived processes use one token', async () => {
  const [first, second] = [processLine(), processLine()];
  await first.line.push(push, 1000);
  clock.advance(TOKEN_RENEWAL_AGE_MS - 1);
  await second.line.push(push, 1000);
  expect(first.tokens()[0]).toMatch(/^bearer [\w-]+\.[\w-]+\.[\w-]+$/);
  expect(second.tokens()).toEqual(first.tokens());
});

test('an old token is made anew', async () => {
  const { line, tokens } = processLine();
  await line.push(push, 1000);
  clock.advance(TOKEN_RENEWAL_AGE_MS);
  await line.push(push, 1000);
  expect(new Set(tokens()).size).toBe(2);
});

test('an expired token is replaced once and the push repeated', async () => {
  const { line, tokens } = processLine([DELIVERED, EXPIRED]);
  await line.push(push, 1000);
  clock.advance(TOKEN_MIN_AGE_MS + 1);
  expect(await line.push(push, 1000)).toEqual(DELIVERED);
  expect(tokens()).toHaveLength(3);
  expect(tokens()[2]).not.toBe(tokens()[1]);
});

test('a young token that Apple calls expired is kept: a new one would be refused too', async () => {
  const { line, tokens } = processLine([EXPIRED]);
  expect(await line.push(push, 1000)).toEqual(EXPIRED);
  expect(tokens()).toHaveLength(1);
});
