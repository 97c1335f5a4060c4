import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { mockFiles } from '../src/apns/mock/ca.ts';
import type { Config } from '../src/config/config.ts';
import { loadConfig } from '../src/config/load.ts';
import { systemClock } from '../src/process/clock.ts';
import { statusOf } from '../src/status/status.ts';
import { verdictOf } from '../src/status/verdict.ts';
import { eventually } from './support/command.ts';
import { madeOnce } from './support/made-once.ts';
import { recordedLog } from './support/recorded-log.ts';
import { registrationOf, served } from './support/serving.ts';
import { temporaryFolder } from './support/store.ts';

const TOPIC = 'com.apple.mail.XServer.0ad6ee9f-9c1e-4f14-a7a3-1b5f3d4b3c11';
const EVENT = '{"Username":"bob","Mailbox":"INBOX","Events":["MessageNew"]}';
const privateKey = (curve: string): string =>
  generateKeyPairSync('ec', { namedCurve: curve }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  }) as string;
const GOOD = privateKey('P-256');

const inPlaceOf =
  (make: (path: string) => unknown) =>
  (key: string): void => {
    rmSync(key);
    make(key);
  };

/** What makes the key of a provider token unusable, and what is told of it. */
const FAULTS: [string, (key: string) => void, RegExp][] = [
  ['missing', (key) => rmSync(key), /apns\.token\.key: there is no file/],
  ['garbage', (key) => writeFileSync(key, 'garbage'), /neither PEM nor PKCS#12/],
  ['empty', (key) => writeFileSync(key, ''), /is empty: 0 bytes/],
  ['half-written', (key) => writeFileSync(key, GOOD.slice(0, 80)), /holds no private key/],
  ['damaged', (key) => writeFileSync(key, GOOD.replace(/\n.{8}/, '\nAAAAAAAA')), /is damaged/],
  ['of another curve', (key) => writeFileSync(key, privateKey('P-384')), /expected EC P-256/],
  ['a folder', inPlaceOf(mkdirSync), /cannot be read/],
];

/** The `authorization` of each push. Apple asks nobody for a certificate who comes with a token. */
const received: string[] = [];
let origin: string;
let ca: string;

beforeAll(async () => {
  const files = mockFiles(madeOnce('certificates', mockFiles));
  ca = readFileSync(files.ca, 'utf8');
  const [cert, key] = [files.serverCertificate, files.serverKey].map((file) => readFileSync(file));
  const server = createSecureServer({ cert, key });
  server.on('stream', (stream, headers) => {
    received.push(String(headers.authorization));
    stream.respond({ ':status': 200, 'apns-id': headers['apns-id'] }, { endStream: true });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return () => {
    server.close();
  };
});
beforeEach(() => (received.length = 0));

/** A configuration whose token is well until a test breaks its key. */
function setting(): { config: Config; key: string; repair: () => void } {
  const folder = temporaryFolder();
  const [key, file] = [join(folder, 'AuthKey_ABCDE12345.p8'), join(folder, 'config.yaml')];
  writeFileSync(key, GOOD);
  writeFileSync(join(folder, 'ca.pem'), ca);
  mkdirSync(join(folder, 'spool'));
  writeFileSync(
    file,
    `store: ${folder}/x.db
spool: ${folder}/spool
imapd_conf: ${folder}/imapd.conf
apns:
  server: ${origin}
  token: { key: ${key}, key_id: ABCDE12345, team_id: FGHIJ67890 }
  topic: ${TOPIC}
  ca: ${folder}/ca.pem
delivery: { throttle: 0s }
serve: { http: "127.0.0.1:0" }
`,
  );
  const repair = (): void => {
    rmSync(key, { recursive: true, force: true });
    writeFileSync(key, GOOD);
  };
  return { config: loadConfig(file, {}), key, repair };
}

type Ask = Awaited<ReturnType<typeof served>>['ask'];

async function comesIn(ask: Ask): Promise<void> {
  expect(await ask('/register', registrationOf('bob', 1))).toEqual({ status: 200, text: TOPIC });
  expect(await ask('/notify', EVENT)).toMatchObject({ status: 200 });
}

async function isToldBroken(config: Config, ask: Ask, why: RegExp): Promise<void> {
  expect((await ask('/readyz')).text).toMatch(why);
  await eventually(
    async () => verdictOf(await statusOf(config, systemClock)),
    ({ state, text }) => state === 'broken' && why.test(text),
  );
  expect((await ask('/metrics')).text).toContain('xapplepush_credential_usable{credential="apns"} 0\n');
  expect(received).toEqual([]);
}

const isSent = (): Promise<unknown> =>
  eventually(
    () => received,
    ([authorization]) => authorization?.startsWith('bearer ') === true,
  );

const errorsIn = (log: ReturnType<typeof recordedLog>): string =>
  JSON.stringify(log.entries.filter(({ level }) => level === 'error'));

describe('serve with the key of a provider token that cannot be used', () => {
  test.each(FAULTS)(
    '%s: takes everything, says what is wrong, and goes on by itself',
    async (_, hurt, why) => {
      const { config, key, repair } = setting();
      hurt(key);
      const { log, ask } = await served(config);
      await comesIn(ask);
      await isToldBroken(config, ask, why);
      expect(errorsIn(log)).toMatch(why);
      repair();
      await isSent();
      expect((await ask('/readyz')).text).toBe('ready\n');
    },
  );

  test.each(FAULTS)('%s: at a reload pushes wait, and go out when it is right', async (_, hurt, why) => {
    const { config, key, repair } = setting();
    const { ask, serving } = await served(config);
    hurt(key);
    const log = recordedLog();
    await serving.reload({ config: { ...config, delivery: { ...config.delivery, expiryMs: 1000 } }, log });
    await comesIn(ask);
    await isToldBroken(config, ask, why);
    expect(errorsIn(log)).toMatch(why);
    repair();
    await isSent();
  });
});
