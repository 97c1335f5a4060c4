import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createAuthority, issueClientCertificate } from '../../src/apns/credentials/pki.ts';
import type { Store } from '../../src/store/store.ts';
import { createTopicSource } from '../../src/intake/registration-topic.ts';
import { createTestClock } from '../support/clock.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { registered, temporaryFolder, testStore } from '../support/store.ts';

const TOPIC = 'com.apple.mail.XServer.of-the-certificate';
const BEFORE = 'com.apple.mail.XServer.told-before';
const authority = createAuthority('test authority');

function certificate(topic: string, { notBefore = new Date(0), notAfter = new Date(Date.now() + 1e9) } = {}) {
  const made = issueClientCertificate(authority, { topic, validity: { notBefore, notAfter } });
  return { ...made, both: made.certificatePem + made.keyPem };
}

function setting({ topic, store }: { topic?: string; store?: Store } = {}) {
  const folder = temporaryFolder();
  const file = join(folder, 'mail.pem');
  const passphraseFile = join(folder, 'passphrase');
  writeFileSync(passphraseFile, 'secret');
  const apns = { server: new URL('https://127.0.0.1:1'), certificate: file, passphraseFile };
  const log = recordedLog();
  const clock = createTestClock(Date.now());
  const source = createTopicSource({
    config: { apns: topic === undefined ? apns : { ...apns, topic } },
    clock,
    log,
    ...(store !== undefined && { store: () => store }),
  });
  return { file, passphraseFile, log, clock, source };
}

const told = async (topic = BEFORE): Promise<Store> => {
  const store = testStore();
  await registered(store, { topic });
  return store;
};

test('what Cyrus tells the devices comes first, then the configuration', async () => {
  const { source } = setting({ topic: 'configured' });
  expect(await source('of Cyrus')).toEqual({ topic: 'of Cyrus', from: 'imapd.conf' });
  expect(await source(undefined)).toEqual({ topic: 'configured', from: 'apns.topic' });
});

const other = certificate(TOPIC);
const past = new Date(Date.now() - 1e9);
const ahead = new Date(Date.now() + 1e8);
test.each<[string, string | undefined, string]>([
  ['is well', other.both, TOPIC],
  ['has expired', certificate(TOPIC, { notAfter: past }).both, TOPIC],
  ['is not valid yet', certificate(TOPIC, { notBefore: ahead }).both, TOPIC],
  ['has the key of another', other.certificatePem + certificate(TOPIC).keyPem, TOPIC],
  ['has no key', other.certificatePem, TOPIC],
  ['is missing', undefined, BEFORE],
  ['is empty', '', BEFORE],
  ['is garbage', 'garbage', BEFORE],
  ['is for MDM', certificate('com.apple.mgmt.External.1').both, BEFORE],
])('a certificate that %s', async (_, content, topic) => {
  const { source, file, log } = setting({ store: await told() });
  if (content !== undefined) writeFileSync(file, content);
  const from = topic === TOPIC ? 'the certificate' : 'earlier registrations';
  expect(await source(undefined)).toEqual({ topic, from });
  expect(await source(undefined)).toEqual({ topic, from });
  expect(log.messages('warn')).toHaveLength(topic === TOPIC ? 0 : 1); // and not once for each device
});

test('a passphrase file that is missing does not hide the topic', async () => {
  const { source, file, passphraseFile } = setting({ store: await told() });
  writeFileSync(file, other.both);
  rmSync(passphraseFile);
  expect(await source(undefined)).toEqual({ topic: TOPIC, from: 'the certificate' });
});

test('while the certificate is replaced, the topic is that of the former one, whatever the database says', async () => {
  const { source, file } = setting({ store: await told() });
  writeFileSync(file, other.both);
  await source(undefined);
  rmSync(file);
  expect(await source(undefined)).toEqual({ topic: TOPIC, from: 'earlier registrations' });
  writeFileSync(`${file}.new`, certificate('com.apple.mail.XServer.new').both);
  renameSync(`${file}.new`, file);
  expect(await source(undefined)).toEqual({
    topic: 'com.apple.mail.XServer.new',
    from: 'the certificate',
  });
});

test('none where nothing tells it, and the log says why', async () => {
  const { source, log } = setting({ store: testStore() });
  expect(await source(undefined)).toEqual({ topic: '', from: 'nowhere' });
  expect(JSON.stringify(log.entries)).toContain('mail.pem');
});

test('a database that cannot be asked is no reason to fail, and what is known needs none', async () => {
  const store = await told();
  const { source, log } = setting({ store });
  expect((await source(undefined)).topic).toBe(BEFORE);
  store.close();
  expect((await source(undefined)).topic).toBe(BEFORE);
  const { source: another } = setting({ store });
  expect((await another(undefined)).topic).toBe('');
  expect(log.messages('warn')).toHaveLength(1);
});

test('the certificate is read again when its file or the time has changed, and not before', async () => {
  const { source, file, clock } = setting();
  const at = (ms: number): Date => new Date(Math.floor((clock.nowMs() + ms) / 1000) * 1000);
  const second = 'com.apple.mail.XServer.second';
  const certificates = [
    certificate(TOPIC, { notAfter: at(10_000) }),
    certificate(second, { notBefore: at(10_000) }),
  ];
  writeFileSync(file, certificates.map(({ both }) => both).join(''));
  expect((await source(undefined)).topic).toBe(TOPIC);
  clock.advance(20_000);
  expect((await source(undefined)).topic).toBe(TOPIC);
  clock.advance(60_000);
  expect((await source(undefined)).topic).toBe(second);
  clock.advance(-60_000); // clocks are set back
  writeFileSync(file, other.both);
  expect((await source(undefined)).topic).toBe(TOPIC);
});
