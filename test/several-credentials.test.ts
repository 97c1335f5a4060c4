import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { issueClientCertificate } from '../src/apns/credentials/pki.ts';
import { configFor, startTestApns, type TestApns } from './support/apns.ts';
import type { Sandbox } from './support/command.ts';
import { messageNew, registration, tokenNumber } from './support/events.ts';
import { sandboxHere } from './support/here.ts';

const OLD_TOPIC = 'com.apple.mail.XServer.00000000-1111-4222-8333-444444444444';

let apns: TestApns;
let sandbox: Sandbox;

beforeEach(async () => {
  apns = await startTestApns();
  sandbox = sandboxHere('');
  const { caKey, ca } = apns.files;
  const authority = { certificatePem: readFileSync(ca, 'utf8'), keyPem: readFileSync(caKey, 'utf8') };
  const old = issueClientCertificate(authority, { topic: OLD_TOPIC });
  writeFileSync(join(sandbox.dir, 'old.pem'), `${old.certificatePem}${old.keyPem}`);
});
afterEach(async () => {
  sandbox.remove();
  await apns.close();
});

/** The topic that Cyrus tells the phones, and what else the `apns` part of the configuration says. */
function configure(apsTopic: string, more = ''): void {
  const { dir, store, spool, configFile } = sandbox;
  writeFileSync(join(dir, 'imapd.conf'), `aps_topic: ${apsTopic}\n`);
  const common = `store: ${store}\nspool: ${spool}\nimapd_conf: ${dir}/imapd.conf\n`;
  writeFileSync(configFile, `${common}${configFor(apns)}${more}`);
}

const register = (n: number): Promise<unknown> =>
  sandbox.run([], { input: registration({ user: `user${n}`, apsDeviceToken: tokenNumber(n) }) });

test('while devices move, each gets its pushes under the topic that it registered with', async () => {
  configure(OLD_TOPIC, `  also: [{ certificate: ${sandbox.dir}/old.pem }]\n`);
  await register(0);
  configure(apns.topic, `  also: [{ certificate: ${sandbox.dir}/old.pem }]\n`);
  await register(1);
  const input = messageNew('user0') + messageNew('user1');
  expect(await sandbox.run(['--wait'], { input })).toMatchObject({ exitCode: 0 });
  const topics = Object.fromEntries(apns.received.map(({ deviceToken, topic }) => [deviceToken, topic]));
  expect(topics).toEqual({ [tokenNumber(0)]: OLD_TOPIC, [tokenNumber(1)]: apns.topic });
  expect(apns.received.map(({ answer }) => answer)).toEqual(['200', '200']);
  expect(apns.connections).toBe(2);
});

test('a topic that no credential covers is never pushed to; the log says who must register again', async () => {
  configure(OLD_TOPIC);
  await register(0);
  configure(apns.topic);
  appendFileSync(sandbox.configFile, 'delivery: { deadline: 1s }\n');
  const finished = await sandbox.run(['--wait'], { input: messageNew('user0') });
  expect(finished.exitCode).toBe(75);
  expect(finished.stderr).toMatch(/user=user0 .*topic=com\.apple\.mail\.XServer\.00000000.*/);
  expect(finished.stderr).toMatch(/must register again/);
  expect(apns.received).toEqual([]);
});
