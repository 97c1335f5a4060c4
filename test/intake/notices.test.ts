import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import type { ChangeName } from '../../src/events/mail-event.ts';
import { createNotices } from '../../src/intake/notices.ts';
import type { Mailbox } from '../../src/mailboxes/mailbox.ts';
import type { ServiceName } from '../../src/services/endpoint.ts';
import { createTestClock } from '../support/clock.ts';
import { newEndpoint } from '../support/notices.ts';
import {
  ALICES_ARCHIVE,
  ALICES_INBOX,
  NOW_MS,
  temporaryFolder,
  testStore,
  type TestStore,
} from '../support/store.ts';

const ALL = `deltachat: { enabled: true }
webpush: { enabled: true, subject: mailto:postmaster@example.org }
webhook: { urls: [https://a.example.org/, https://b.example.org/], secret_file: SECRET }
`;

interface Setting {
  store: TestStore;
  told: (name: ChangeName, mailboxes: Mailbox[], isOwn?: true) => Promise<number>;
}

async function setting(yaml = ALL): Promise<Setting> {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'secret'), 'a secret of 16 or more\n');
  writeFileSync(join(folder, 'config.yaml'), yaml.replace('SECRET', `${folder}/secret`));
  const config = loadConfig(join(folder, 'config.yaml'), {});
  const store = testStore();
  const enqueue = createNotices({ config, clock: createTestClock(NOW_MS) });
  let n = 0;
  for (const user of ['alice', 'bob'])
    for (const service of ['deltachat', 'webpush'] as const)
      await store.registerEndpoint(newEndpoint((n += 1), { user, service }), {
        ...{ nowMs: NOW_MS, maxPerUser: 9, isProven: true },
      });
  return {
    store,
    told: (name, mailboxes, isOwn) => enqueue({ name, mailboxes, ...(isOwn && { isOwn }) }, store, NOW_MS),
  };
}

/** For whom a notice waits, and of what. */
async function waiting(store: TestStore): Promise<string[]> {
  const turn = {
    settled: [],
    owner: 'test',
    nowMs: NOW_MS,
    limit: 99,
    leaseUntilMs: NOW_MS + 1,
    throttleMs: 0,
  };
  const claimed = await store.takeNotices({ ...turn, newId: () => 'id' });
  return claimed.map(
    ({ endpoint: { user, service }, notice: { event, mailbox } }) => `${user} ${service} ${event} ${mailbox}`,
  );
}

function of(user: string, services: ServiceName[], what: string): string[] {
  return services.map((service) => `${user} ${service} ${what}`);
}

describe('a change', () => {
  test('of an INBOX is told to every endpoint of its owner, and to each address of the administrator', async () => {
    const { store, told } = await setting();
    expect(await told('MessageNew', [ALICES_INBOX])).toBe(4);
    const services: ServiceName[] = ['deltachat', 'webpush', 'webhook', 'webhook'];
    expect(await waiting(store)).toEqual(of('alice', services, 'MessageNew INBOX'));
  });

  test('of another mailbox, or of what is tidied up, wakes no Delta Chat', async () => {
    const { store, told } = await setting();
    expect(await told('MessageNew', [ALICES_ARCHIVE])).toBe(3);
    expect(await told('MessageRead', [{ owner: 'bob', path: 'INBOX' }])).toBe(3);
    const services: ServiceName[] = ['webpush', 'webhook', 'webhook'];
    expect(await waiting(store)).toEqual([
      ...of('alice', services.slice(0, 1), 'MessageNew Archive'),
      ...of('bob', services.slice(0, 1), 'MessageRead INBOX'),
      ...of('alice', services.slice(1), 'MessageNew Archive'),
      ...of('bob', services.slice(1), 'MessageRead INBOX'),
    ]);
  });

  test('that is a message of the user’s own wakes no Delta Chat', async () => {
    const { store, told } = await setting();
    expect(await told('MessageNew', [ALICES_INBOX], true)).toBe(3);
    expect((await waiting(store)).filter((text) => text.includes('deltachat'))).toEqual([]);
  });

  test('that is a move between users is told to each of them by their mailbox', async () => {
    const { store, told } = await setting('webpush: { enabled: true, subject: mailto:a@example.org }\n');
    const sources = [
      { owner: 'bob', path: 'Sent' },
      { owner: 'alice', path: 'Drafts' },
    ];
    expect(await told('MessageMove', [ALICES_INBOX, ...sources])).toBe(2);
    expect(await waiting(store)).toEqual(['alice webpush MessageMove INBOX', 'bob webpush MessageMove Sent']);
  });

  test('of a mailbox that nobody owns is told to nobody', async () => {
    const { store, told } = await setting();
    expect(await told('MessageNew', [{ owner: '', path: 'Info' }])).toBe(0);
    expect(await store.countNotices()).toMatchObject({ notices: 0 });
    expect(await store.countEndpoints(NOW_MS)).toMatchObject({ webhook: { endpoints: 0 } });
  });

  test('is not told to a service that is switched off, though it has endpoints', async () => {
    const { store, told } = await setting('deltachat: { enabled: true }\n');
    expect(await told('MessageNew', [ALICES_INBOX])).toBe(1);
    expect(await waiting(store)).toEqual(['alice deltachat MessageNew INBOX']);
  });
});
