import { describe, expect, test } from 'vitest';
import type { CollectionRegistration } from '../../src/events/mail-event.ts';
import { admitCollection } from '../../src/targets/collection.ts';
import { collectionOfTopic, kindOf } from '../../src/targets/kind.ts';
import { DEVICE_TOKEN } from '../support/events.ts';

const RULES = { users: { lowercase: true, domain: 'keep' as const }, byHttp: false, atMs: 1000 };

const REGISTRATION: CollectionRegistration = {
  ...{ kind: 'collection registration', source: 'cyrus', collection: 'calendar', user: 'Bob' },
  deviceToken: DEVICE_TOKEN.toUpperCase(),
  topic: 'com.apple.calendar.XServer.22222222-2222-3333-4444-555555555555',
  ...{ mailboxUser: 'Alice', uniqueId: '1u6xrmyo6wijrgk0wesdd4s9', expiryMs: 86_400_000 },
};

function refusalOf(changes: Partial<CollectionRegistration>): string | undefined {
  const admission = admitCollection({ ...REGISTRATION, ...changes }, RULES);
  return 'refused' in admission ? admission.fault : undefined;
}

describe('admitCollection', () => {
  test("the subscriber is who asked, and the key that of the collection's owner, as it was told", () => {
    expect(admitCollection(REGISTRATION, RULES)).toEqual({
      target: {
        user: 'bob',
        deviceToken: DEVICE_TOKEN,
        accountId: 'Alice/1u6xrmyo6wijrgk0wesdd4s9',
        subtopic: 'calendar',
        apsVersion: 2,
        topic: REGISTRATION.topic,
        source: 'cyrus',
        expiresMs: 86_401_000,
        subscriptions: [
          {
            owner: '#calendar',
            path: '1u6xrmyo6wijrgk0wesdd4s9',
            name: '1u6xrmyo6wijrgk0wesdd4s9',
            hash: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
          },
        ],
      },
    });
  });

  test('what came by HTTP is known as such, and what is to hold for ever holds a year and a bit', () => {
    const { target } = admitCollection({ ...REGISTRATION, expiryMs: 1e15 }, { ...RULES, byHttp: true }) as {
      target: object;
    };
    expect(target).toMatchObject({ source: 'http', expiresMs: 1000 + 400 * 86_400_000 });
  });

  test.each<[Partial<CollectionRegistration>, string]>([
    [{ user: '' }, 'user'],
    [{ user: 'a'.repeat(1025) }, 'user length'],
    [{ deviceToken: 'xyz+"ä"' }, 'device token'],
    [{ deviceToken: '' }, 'device token'],
    [{ mailboxUser: '' }, 'account id'],
    [{ mailboxUser: 'a'.repeat(1024) }, 'account id'],
    [{ topic: '' }, 'topic'],
    [{ topic: 'com.apple.mail.XServer.22222222' }, 'topic'],
    [{ topic: 'com.apple.contact.XServer.22222222' }, 'topic'],
    [{ topic: 'com.apple.calendar.XServer.' }, 'topic'],
    [{ collection: 'contacts' }, 'topic'],
  ])('%j is refused for its %s', (changes, fault) => expect(refusalOf(changes)).toBe(fault));

  test('an address book has the topic of contacts', () => {
    expect(refusalOf({ collection: 'contacts', topic: 'com.apple.contact.XServer.1' })).toBeUndefined();
  });
});

test('a kind is that of the subtopic, and a topic is of one kind or none', () => {
  expect(
    ['calendar', 'contacts', 'com.apple.mobilemail', ''].map((subtopic) => kindOf({ subtopic })),
  ).toEqual(['calendar', 'contacts', 'mail', 'mail']);
  const topics = ['com.apple.calendar.XServer.1', 'com.apple.contact.XServer.1', 'com.apple.mail.XServer.1'];
  expect(topics.map(collectionOfTopic)).toEqual(['calendar', 'contacts', undefined]);
});
