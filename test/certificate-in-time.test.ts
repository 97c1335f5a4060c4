import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import { issueClientCertificate } from '../src/apns/credentials/pki.ts';
import { loadConfig } from '../src/config/load.ts';
import { systemClock } from '../src/process/clock.ts';
import { statusOf } from '../src/status/status.ts';
import { verdictOf } from '../src/status/verdict.ts';
import { apnsConfig, startTestApns } from './support/apns.ts';
import { eventually } from './support/command.ts';
import { forget } from './support/pushes.ts';
import { registrationOf, served } from './support/serving.ts';
import { temporaryFolder } from './support/store.ts';

const HOUR_MS = 3_600_000;
const EVENT = '{"Username":"bob","Mailbox":"INBOX","Events":["MessageNew"]}';

const apns = await startTestApns();
afterAll(() => apns.close());

// The clock of this process is another by so much. OpenSSL, which is Apple here, goes by the machine's.
let offsetMs = 0;
const realNow = Date.now;
beforeEach(() => {
  offsetMs = 0;
  forget(apns);
  vi.spyOn(Date, 'now').mockImplementation(() => realNow() + offsetMs);
});
afterEach(() => vi.restoreAllMocks());

/** Configured with a certificate that is valid from one hour to another, counted from now. */
function setting(fromHours: number, toHours: number) {
  const folder = temporaryFolder();
  const [certificate, file] = [join(folder, 'mail.pem'), join(folder, 'config.yaml')];
  const authority = {
    certificatePem: readFileSync(apns.files.ca, 'utf8'),
    keyPem: readFileSync(apns.files.caKey, 'utf8'),
  };
  const renew = (from: number, to: number): void => {
    const hour = (n: number): Date => new Date(realNow() + n * HOUR_MS);
    const validity = { notBefore: hour(from), notAfter: hour(to) };
    const { certificatePem, keyPem } = issueClientCertificate(authority, { topic: apns.topic, validity });
    writeFileSync(certificate, certificatePem + keyPem);
  };
  renew(fromHours, toHours);
  mkdirSync(join(folder, 'spool'));
  writeFileSync(
    file,
    `store: ${folder}/x.db
spool: ${folder}/spool
imapd_conf: ${folder}/imapd.conf
apns: { server: "${apns.url.origin}", certificate: ${certificate}, ca: ${apnsConfig(apns).ca} }
delivery: { throttle: 0s }
serve: { http: "127.0.0.1:0" }
`,
  );
  return { config: loadConfig(file, {}), renew };
}

test('a certificate that ends while serve runs: doors stay open, pushes wait for the next one', async () => {
  const { config, renew } = setting(-1, 1);
  const { ask, log } = await served(config);
  expect(await ask('/register', registrationOf('bob', 1))).toEqual({ status: 200, text: apns.topic });
  await ask('/notify', EVENT);
  await apns.pushes(1);
  expect((await ask('/readyz')).text).toBe('ready\n');

  offsetMs = 2 * HOUR_MS;
  await eventually(
    async () => (await ask('/readyz')).text,
    (text) => /no push is sent: .*expired on/.test(text),
  );
  expect(await ask('/register', registrationOf('bob', 2))).toEqual({ status: 200, text: apns.topic });
  expect(await ask('/notify', EVENT)).toMatchObject({ status: 200 });
  await eventually(
    async () => verdictOf(await statusOf(config, systemClock)),
    ({ state, text }) => state === 'broken' && text.includes('expired on'),
  );
  expect((await ask('/metrics')).text).toContain('xapplepush_credential_usable{credential="apns"} 0\n');
  expect(JSON.stringify(log.entries.filter(({ level }) => level === 'error'))).toContain('expired on');
  expect(apns.received).toHaveLength(1);

  renew(-1, 100);
  await apns.pushes(3);
  expect((await ask('/readyz')).text).toBe('ready\n');
});

test('a certificate that is not valid yet is used by itself when its time has come', async () => {
  const { config } = setting(-1, 100);
  offsetMs = -2 * HOUR_MS;
  const { ask } = await served(config);
  expect((await ask('/readyz')).text).toMatch(/no push is sent: .*is not valid before/);
  expect(await ask('/register', registrationOf('bob', 1))).toEqual({ status: 200, text: apns.topic });
  expect(await ask('/notify', EVENT)).toMatchObject({ status: 200 });
  await eventually(
    async () => verdictOf(await statusOf(config, systemClock)),
    ({ state, text }) => state === 'broken' && text.includes('is not valid before'),
  );
  expect(apns.received).toEqual([]);

  offsetMs = 0;
  await apns.pushes(1);
  expect((await ask('/readyz')).text).toBe('ready\n');
});
