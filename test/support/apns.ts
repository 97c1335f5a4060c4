import { randomUUID } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mockFiles, type MockFiles } from '../../src/apns/mock/ca.ts';
import type { ReceivedPush } from '../../src/apns/mock/connection.ts';
import { startMockApns, type MockApns, type MockApnsOptions } from '../../src/apns/mock/server.ts';
import { connectApns, type ApnsConnection } from '../../src/apns/client.ts';
import { loadCredential, type Credential } from '../../src/apns/credentials/credentials.ts';
import { mailPayload } from '../../src/apns/payload.ts';
import type { Push } from '../../src/apns/push.ts';
import type { ApnsConfig } from '../../src/config/config.ts';
import { madeOnce } from './made-once.ts';

export type { MockApns, ReceivedPush };

export interface TestApns extends MockApns {
  /** Resolves as soon as this many pushes have come, with all that have. */
  pushes(count: number): Promise<readonly ReceivedPush[]>;
}

/** Runs `use` with a stand-in on a free port and in a folder of its own; ends both afterwards. */
export async function withMockApns<T>(
  options: Partial<MockApnsOptions>,
  use: (mock: TestApns) => Promise<T>,
): Promise<T> {
  const mock = await startTestApns(options);
  try {
    return await use(mock);
  } finally {
    await mock.close();
  }
}

/** The same for tests that close it themselves; close() also removes the folder. */
export async function startTestApns(options: Partial<MockApnsOptions> = {}): Promise<TestApns> {
  const dir = options.dir ?? testFiles().dir;
  const waiting = new Set<() => void>();
  const mock = await startMockApns({
    port: 0,
    ...options,
    dir,
    onPush: (push) => {
      options.onPush?.(push);
      for (const check of waiting) check();
    },
  });
  const close = async (): Promise<void> => {
    await mock.close();
    if (options.dir === undefined) rmSync(dir, { recursive: true, force: true });
  };
  const pushes = (count: number): Promise<readonly ReceivedPush[]> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (mock.received.length < count) return;
        waiting.delete(check);
        resolve(mock.received);
      };
      waiting.add(check);
      check();
    });
  return Object.defineProperties({ pushes, close } as TestApns, {
    ...Object.getOwnPropertyDescriptors(mock),
    close: { value: close, enumerable: true },
  });
}

/** The `apns` part of a configuration file for this stand-in. */
export function configFor(mock: MockApns): string {
  const { certificate, key, ca } = apnsConfig(mock);
  return `apns:\n  server: ${mock.url.origin}\n  certificate: ${certificate}\n  key: ${key}\n  ca: ${ca}\n`;
}

/** The same as the checked value. */
export function apnsConfig(mock: MockApns): ApnsConfig & { certificate: string; key: string; ca: string } {
  const { clientCertificate: certificate, clientKey: key, ca } = mock.files;
  return { server: mock.url, certificate, key, ca };
}

export function credentialFor(mock: MockApns): Credential {
  return loadCredential(apnsConfig(mock));
}

/** A connection to the stand-in, with its own client certificate. */
export function connectTo(mock: MockApns, timeoutMs = 10_000): Promise<ApnsConnection> {
  return connectApns(mock.url, credentialFor(mock), { ca: readFileSync(mock.ca, 'utf8'), timeoutMs });
}

/** A push that the stand-in takes; `n` makes the token. */
export function pushFor(mock: MockApns, n = 1): Push {
  return {
    apnsId: randomUUID(),
    deviceToken: tokenNo(n),
    topic: mock.topic,
    payload: mailPayload(randomUUID().toUpperCase(), []),
    expirationS: 1_900_000_000,
  };
}

export function tokenNo(n: number): string {
  return 'abcdef01'.repeat(7) + n.toString(16).padStart(8, '0');
}

/** The files of an authority in a folder of their own, or in this one. RSA keys take their time: they are copied. */
export function testFiles(dir = mkdtempSync(join(tmpdir(), 'xapplepush-apns-'))): MockFiles {
  cpSync(madeOnce('certificates', mockFiles), dir, { recursive: true });
  return mockFiles(dir);
}
