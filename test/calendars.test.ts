import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { issueClientCertificate } from '../src/apns/credentials/pki.ts';
import { configFor, startTestApns } from './support/apns.ts';
import { sandboxHere } from './support/here.ts';

function captured(file: string): string {
  return readFileSync(new URL(`fixtures/cyrus310/${file}`, import.meta.url), 'utf8');
}

const SUBSCRIBE = captured('1821-ApplePushServiceDAV-V-subscribe-get.json');
const PUT = captured('1846-MessageNew-V-put-new.json');
const DELETE = captured('1853-MessageExpunge-V-delete.json');
const TOPIC = 'com.apple.calendar.XServer.22222222-2222-3333-4444-555555555555';

test('a change of a calendar reaches who asked, over the certificate of calendars, and a burst is one push', async () => {
  const apns = await startTestApns();
  const sandbox = sandboxHere('');
  onTestFinished(async () => {
    sandbox.remove();
    await apns.close();
  });
  const { dir, store, spool, configFile } = sandbox;
  const authority = {
    certificatePem: readFileSync(apns.files.ca, 'utf8'),
    keyPem: readFileSync(apns.files.caKey, 'utf8'),
  };
  const own = issueClientCertificate(authority, { topic: TOPIC });
  writeFileSync(join(dir, 'calendar.pem'), `${own.certificatePem}${own.keyPem}`);
  const common = `store: ${store}\nspool: ${spool}\ndelivery: { deadline: 4s, linger: 1s }\n`;
  writeFileSync(configFile, `${common}${configFor(apns)}  also: [{ certificate: ${dir}/calendar.pem }]\n`);

  expect(await sandbox.run([], { input: SUBSCRIBE })).toMatchObject({ exitCode: 0 });
  const startS = Math.floor(Date.now() / 1000);
  expect(await sandbox.run(['--wait'], { input: PUT + DELETE })).toMatchObject({ exitCode: 0 });

  expect(apns.received).toHaveLength(1);
  const [push] = apns.received;
  expect(push).toMatchObject({ topic: TOPIC, answer: '200', pushType: 'background', priority: '5' });
  const tested = await sandbox.run(['push', 'alice', '--calendar']);
  expect(tested).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(TOPIC) as string });
  expect(apns.received).toHaveLength(2);
  for (const { payload } of apns.received) {
    const told = payload as Record<string, unknown>;
    expect(Object.keys(told)).toEqual(['key', 'dataChangedTimestamp', 'pushRequestSubmittedTimestamp']);
    expect(told['key']).toBe('alice/1u6xrmyo6wijrgk0wesdd4s9');
    expect(told['pushRequestSubmittedTimestamp']).toBeGreaterThanOrEqual(startS);
  }
  expect(await sandbox.run(['push', 'alice'])).toMatchObject({ exitCode: 65 });
});
