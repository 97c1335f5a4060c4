import { describe, expect, test } from 'vitest';
import {
  isMailTopic,
  kindsOf,
  topicDefect,
  topicProblems,
} from '../../../src/apns/credentials/mail-topics.ts';

const TOPIC = 'com.apple.mail.XServer.1';

test.each([
  [TOPIC, true],
  ['com.apple.mobilemail.push.org.example', true],
  ['com.apple.mail.', false],
  ['com.apple.mobilemail.push', false],
  ['com.apple.mailbox.1', false],
  ['org.com.apple.mail.1', false],
  ['COM.APPLE.MAIL.1', false],
  ['com.apple.mgmt.External.1', false],
  ['', false],
])('%j is a topic of Mail: %j', (topic, want) => {
  expect(isMailTopic(topic)).toBe(want);
});

describe('topics of calendars and contacts', () => {
  const CALENDAR = 'com.apple.calendar.XServer.1';
  const CONTACTS = 'com.apple.contact.XServer.1';

  test('are taken beside that of Mail, and not in its place', () => {
    for (const topic of [CALENDAR, CONTACTS]) {
      expect(topicDefect(topic, 'x.pem', { mayBeOfCollections: true })).toBeUndefined();
      expect(topicDefect(topic, 'x.pem', { mayBeOfCollections: false })?.hint).toContain('apns.also');
    }
    expect(topicDefect(TOPIC, 'x.pem', { mayBeOfCollections: true })).toBeUndefined();
    const other = topicDefect('com.apple.calendar.other', 'x.pem', { mayBeOfCollections: true });
    expect(other?.message).toMatch(/not one of Mail: expected .* or com\.apple\.contact\.XServer\.$/);
  });

  test('say what a certificate serves', () => {
    expect(kindsOf([CONTACTS, TOPIC])).toEqual(['mail', 'contacts']);
    expect(kindsOf([CALENDAR, 'org.example'])).toEqual(['calendar']);
  });
});

describe('aps_topic of imapd.conf', () => {
  const credential = { topic: TOPIC, topics: [TOPIC, `${TOPIC}.voip`] };

  test.each([TOPIC, `${TOPIC}.voip`])('%s is right', (apsTopic) => {
    expect(topicProblems(credential, apsTopic)).toEqual([]);
  });

  const hint = `set aps_topic: ${TOPIC} in imapd.conf and restart Cyrus`;

  test('is not set', () => {
    expect(topicProblems(credential, undefined)).toEqual([
      { message: 'aps_topic is not set in imapd.conf, so Cyrus offers no push', hint },
    ]);
  });

  test('is that of another certificate', () => {
    const message = `aps_topic in imapd.conf is com.apple.mail.XServer.2, expected ${TOPIC} or ${TOPIC}.voip`;
    expect(topicProblems(credential, 'com.apple.mail.XServer.2')).toEqual([
      { message, hint: `${hint}, or use the credential for com.apple.mail.XServer.2` },
    ]);
  });

  test.each([TOPIC.toUpperCase(), 'com.apple.mgmt.External.1'])('is no topic of Mail: %s', (apsTopic) => {
    const message = `aps_topic in imapd.conf is ${apsTopic}, expected ${TOPIC} or ${TOPIC}.voip; it is not a topic of Mail`;
    expect(topicProblems(credential, apsTopic)).toEqual([{ message, hint }]);
  });
});
