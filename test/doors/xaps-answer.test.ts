import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { reasonBody, topicBody } from '../../src/doors/xaps-answer.ts';

const XSERVER = 'com.apple.mail.XServer.11111111-2222-3333-4444-555555555555';
const MOBILEMAIL = 'com.apple.mobilemail.push.org.example';

/** What C reads: up to the first NUL. */
function cString(body: string | undefined): string | undefined {
  return body?.split('\0')[0];
}

describe('the topic', () => {
  test.each([
    ['long enough', XSERVER, XSERVER.length],
    ['too short for the plugin', MOBILEMAIL, 51],
    ['one byte too short', 'x'.repeat(50), 51],
    ['just long enough', 'x'.repeat(51), 51],
    ['the longest', 'x'.repeat(199), 199],
  ])('%s', (_, topic, bytes) => {
    expect(cString(topicBody(topic, true))).toBe(topic);
    expect(topicBody(topic, true)).toHaveLength(bytes);
    expect(topicBody(topic, false)).toBe(topic);
  });

  test.each([
    '',
    'x'.repeat(200),
    `${XSERVER}\n`,
    `${XSERVER}"`,
    `${XSERVER}\\`,
    `${XSERVER} `,
    `${XSERVER}é`,
  ])('none for %j', (topic) => {
    expect(topicBody(topic, true)).toBeUndefined();
    expect(topicBody(topic, false)).toBeUndefined();
  });

  test('is what C reads of the body, which is never too short', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (topic) => {
        const body = topicBody(topic, true);
        expect(topicBody(topic, false)).toBe(body === undefined ? undefined : topic);
        if (body === undefined) return;
        expect(cString(body)).toBe(topic);
        expect(Buffer.byteLength(body)).toBeGreaterThan(50);
        expect(Buffer.byteLength(body)).toBeLessThan(200);
      }),
    );
  });
});

describe('a reason', () => {
  test('is one line with the words in it', () => {
    expect(reasonBody('Mailbox: expected text, got "1"\n')).toBe(
      "xapplepush does not take this request of the XAPS plugin: Mailbox: expected text, got '1'?",
    );
  });

  test('is of a length and an alphabet that the plugin can bear', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (reason) => {
        expect(reasonBody(reason)).toMatch(/^[\x20-\x21\x23-\x7e]{51,199}$/);
      }),
    );
  });
});
