import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { readConfig } from '../../src/config/read.ts';
import { parseYaml } from '../../src/config/yaml.ts';
import type { ServiceName } from '../../src/services/endpoint.ts';
import type { Service, ServiceOutcome } from '../../src/services/service.ts';
import { openServices } from '../../src/services/services.ts';
import { webhookEndpoint } from '../../src/services/webhook.ts';
import { createTestClock } from '../support/clock.ts';
import { startPushService } from '../support/push-service.ts';
import { temporaryFolder } from '../support/store.ts';
import { webPushApp } from '../support/web-push-app.ts';
import { NOTICE } from './notice.ts';

let folder: string;
let secretFile: string;

beforeEach(() => {
  folder = temporaryFolder();
  secretFile = join(folder, 'secret');
  writeFileSync(secretFile, '0123456789abcdef\n');
});

function opened(text: string): Map<ServiceName, Service> {
  const reading = readConfig(parseYaml(`store: ${folder}/x.db\n${text}`).root, undefined);
  if ('problems' in reading) throw new Error(JSON.stringify(reading.problems));
  const services = openServices(reading.config, { clock: createTestClock() });
  onTestFinished(async () => {
    for (const service of services.values()) await service.close();
  });
  return services;
}

function send(
  services: Map<ServiceName, Service>,
  name: ServiceName,
  address: string,
): Promise<ServiceOutcome> {
  return services.get(name)!.send({ user: 'alice', address, fingerprint: 'f' }, NOTICE, 5000);
}

describe('what is open', () => {
  test('is nothing by default, and nothing is made', () => {
    expect(opened('')).toEqual(new Map());
    expect(existsSync(join(folder, 'x.vapid.pem'))).toBe(false);
  });

  test('is what the configuration switches on, each with its own time', () => {
    const services = opened(`
deltachat: { enabled: true, give_up: 1h }
webpush: { enabled: true, subject: mailto:a@example.org, give_up: 2h }
webhook: { urls: [https://a.example.org/], secret_file: ${secretFile}, give_up: 3h }
`);
    const found = [...services].map(([key, { name, giveUpMs }]) => [key, name, giveUpMs / 3_600_000]);
    expect(found).toEqual([
      ['deltachat', 'deltachat', 1],
      ['webpush', 'webpush', 2],
      ['webhook', 'webhook', 3],
    ]);
  });
});

test('each sends as it is configured', async () => {
  const service = await startPushService();
  const services = opened(`
deltachat: { enabled: true, notify: ${service.url}notify }
webpush: { enabled: true, subject: mailto:a@example.org, allow_private_addresses: true }
webhook: { urls: ['${service.url}hook'], secret_file: ${secretFile} }
`);
  const outcomes = [
    await send(services, 'deltachat', 'openpgp:token'),
    await send(services, 'webpush', webPushApp().subscriptionAt(`${service.url}push`)),
    await send(services, 'webhook', webhookEndpoint(`${service.url}hook`, 'alice').address),
  ];
  expect(outcomes).toEqual(outcomes.map(() => ({ kind: 'delivered' })));
  expect(service.asked.map(({ path }) => path)).toEqual(['/notify', '/push', '/hook']);
  expect(existsSync(join(folder, 'x.vapid.pem'))).toBe(true);
});

test('a subscription leads to no private address unless that is allowed', async () => {
  const service = await startPushService();
  const services = opened('webpush: { enabled: true, subject: mailto:a@example.org }');
  const subscription = webPushApp().subscriptionAt(service.url.replace('http', 'https'));
  expect(await send(services, 'webpush', subscription)).toEqual({
    kind: 'rejected',
    reason: 'its address is not public',
  });
  expect(service.connections).toBe(0);
});

test('a file that cannot be used has notices wait, until it is right', async () => {
  const service = await startPushService();
  const services = opened(`webhook: { urls: ['${service.url}'], secret_file: ${secretFile} }`);
  const answers: ServiceOutcome[] = [];
  for (const content of [undefined, 'hunter2\n', 'hunter2hunter2hunter2\nhunter2', '0123456789abcdef']) {
    if (content === undefined) rmSync(secretFile);
    else writeFileSync(secretFile, content);
    answers.push(await send(services, 'webhook', service.url));
  }
  const misconfigured = (why: string): object => ({
    kind: 'misconfigured',
    reason: expect.stringContaining(`webhook.secret_file: ${secretFile} ${why}`) as string,
  });
  expect(answers).toEqual([
    misconfigured('cannot be read (ENOENT'),
    misconfigured('does not hold one line'),
    misconfigured('does not hold one line'),
    { kind: 'delivered' },
  ]);
  expect(JSON.stringify(answers)).not.toContain('hunter2');
});

test('one that was never asked is closed at once', async () => {
  const services = opened('deltachat: { enabled: true }');
  await expect(services.get('deltachat')!.close()).resolves.toBeUndefined();
});
