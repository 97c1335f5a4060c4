import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { testSurroundings } from '../../support/surroundings.ts';
import { connectApns, type ApnsConnection } from '../../../src/apns/client.ts';
import { loadCredential } from '../../../src/apns/credentials/credentials.ts';
import { runMockApns, type MockApnsCommand } from '../../../src/apns/mock/command.ts';
import { MOCK_TOPIC } from '../../../src/apns/mock/ca.ts';
import { mailPayload } from '../../../src/apns/payload.ts';
import type { Push } from '../../../src/apns/push.ts';
import { ExitCode } from '../../../src/process/errors.ts';
import { tokenNo } from '../../support/apns.ts';

const AMPLE_MS = 20_000;
const ACCOUNT_ID = '3B5C2C9E-8A64-4C1A-9E0E-5B1D4C7F2A10';

const dir = mkdtempSync(join(tmpdir(), 'xapplepush-command-'));
afterAll(() => {
  rmSync(dir, { recursive: true });
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** Runs the command with its output caught, until `use` is done and a signal has ended it. */
async function running(
  options: Partial<MockApnsCommand>,
  signal: NodeJS.Signals,
  use: (line: (n: number) => Promise<string>) => Promise<void>,
): Promise<void> {
  const around = testSurroundings();
  const ended = runMockApns({ dir, port: 0, json: false, answers: [], ...options }, around);
  const line = (n: number): Promise<string> =>
    vi.waitUntil(() => around.stdoutText().split('\n').slice(0, -1)[n], { timeout: AMPLE_MS });
  try {
    await line(0);
    await use(line);
  } finally {
    around.signal(signal);
    await ended;
  }
}

interface Ready {
  url: string;
  certificate: string;
  key: string;
  ca: string;
}

function connect({ url, certificate, key, ca }: Ready): Promise<ApnsConnection> {
  const server = new URL(url);
  const credential = loadCredential({ server, certificate, key });
  return connectApns(server, credential, { ca: readFileSync(ca, 'utf8'), timeoutMs: AMPLE_MS });
}

const push: Push = {
  apnsId: '0f8fad5b-d9cb-469f-a165-70867728950e',
  deviceToken: tokenNo(1),
  topic: MOCK_TOPIC,
  payload: mailPayload(ACCOUNT_ID, ['00ff']),
  expirationS: 1_900_000_000,
};

test('for people: the configuration to paste, then a line a push without secrets', async () => {
  await running({}, 'SIGTERM', async (line) => {
    expect(await line(0)).toBe('mock-apns is ready. In imapd.conf:');
    expect(await line(1)).toBe(`aps_topic: ${MOCK_TOPIC}`);
    expect(await line(2)).toBe('In config.yaml:');
    const lines = await Promise.all([3, 4, 5, 6, 7].map(line));
    expect(lines[0]).toBe('apns:');
    const values = lines.slice(1).map((text) => text.replace(/^ {2}(server|certificate|key|ca): /, ''));
    const [url = '', certificate = '', key = '', ca = ''] = values;
    const connection = await connect({ url, certificate, key, ca });
    await connection.push(push, AMPLE_MS);
    await connection.close();
    const told = await line(8);
    expect(told).toMatch(/ 200 token=\S+ account=\S+ mailboxes="1 by hash" apns-id=0f8fad5b-/);
    expect(told).not.toContain(push.deviceToken);
    expect(told).not.toContain(ACCOUNT_ID);
  });
});

test('for programs: one object a line, and answers that change while it runs', async () => {
  const answers = [`${push.deviceToken}=500`, `${push.deviceToken}=429/TooManyRequests`];
  await running({ json: true, answers, maxStreams: 3, delayMs: 1 }, 'SIGINT', async (line) => {
    const ready = JSON.parse(await line(0)) as Ready;
    expect(ready).toMatchObject({ ready: true, dir, topic: MOCK_TOPIC });
    const connection = await connect(ready);
    expect(connection.capacity).toBe(3);
    expect(await connection.push(push, AMPLE_MS)).toMatchObject({ status: 500 });
    expect(await connection.push(push, AMPLE_MS)).toMatchObject({ status: 429 });
    writeFileSync(join(dir, 'answers.json'), JSON.stringify({ [push.deviceToken]: ['410/Unregistered@7'] }));
    expect(await connection.push(push, AMPLE_MS)).toMatchObject({ status: 410, timestampMs: 7 });
    await connection.close();
    expect(JSON.parse(await line(3))).toMatchObject({
      deviceToken: push.deviceToken,
      accountId: ACCOUNT_ID,
      m: ['00ff'],
      answer: '410/Unregistered',
    });
  });
});

test('a bad answer is an error of usage', async () => {
  const attempt = runMockApns({ dir, port: 0, json: false, answers: ['*=sulky'] }, testSurroundings());
  await expect(attempt).rejects.toMatchObject({ exitCode: ExitCode.usage });
});

test('ends when nobody reads what it prints', async () => {
  const around = testSurroundings();
  const reader = new AbortController();
  const ended = runMockApns({ dir, port: 0, json: true, answers: [], readerGone: reader.signal }, around);
  await vi.waitUntil(() => around.stdoutText() !== '', { timeout: AMPLE_MS });
  reader.abort();
  await expect(ended).resolves.toBeUndefined();
});
