import { describe, expect, test } from 'vitest';
import type { Notice } from '../../../src/services/service.ts';
import { handlingOf, plaintextOf } from '../../../src/services/webpush/message.ts';

const NOW_MS = Date.parse('2026-12-01T06:00:00Z');
const NOTICE: Notice = { id: 'an-id', event: 'MessageNew', mailbox: 'INBOX', eventMs: NOW_MS };
const KEYS = { auth: Buffer.alloc(16, 1) };
const RULES = { giveUpMs: 86_400_000, nowMs: NOW_MS };

function topic(changes: Partial<Notice>, keys = KEYS): string {
  return handlingOf({ ...NOTICE, ...changes }, keys, RULES).Topic;
}

describe('what an app is told', () => {
  test('is that something happened, where and when', () => {
    expect(JSON.parse(plaintextOf(NOTICE).toString())).toEqual({
      version: 1,
      id: 'an-id',
      event: 'MessageNew',
      mailbox: 'INBOX',
      at: '2026-12-01T06:00:00.000Z',
    });
  });

  test('is no mailbox where it is only asked whether it is there, or where the name is too long', () => {
    for (const changes of [{ event: 'validation' }, { mailbox: 'x'.repeat(4000) }] as const)
      expect(Object.keys(JSON.parse(plaintextOf({ ...NOTICE, ...changes }).toString()) as object)).toEqual([
        'version',
        'id',
        'event',
        'at',
      ]);
  });
});

describe('how the service is to handle it', () => {
  test('it keeps the message for what is left of its time', () => {
    const ttl = (eventMs: number, giveUpMs = RULES.giveUpMs): string =>
      handlingOf({ ...NOTICE, eventMs }, KEYS, { ...RULES, giveUpMs }).TTL;
    expect(ttl(NOW_MS)).toBe('86400');
    expect(ttl(NOW_MS - 3_600_500)).toBe('82799');
    expect(ttl(NOW_MS - 90_000_000)).toBe('0');
    expect(ttl(NOW_MS + 3_600_000)).toBe('86400'); // by a clock that is ahead
    expect(ttl(NOW_MS, 3650 * 86_400_000)).toBe('2419200');
  });

  test('new mail counts more than what is tidied up', () => {
    const urgency = (event: Notice['event']): string => handlingOf({ ...NOTICE, event }, KEYS, RULES).Urgency;
    expect(
      ['MessageNew', 'test', 'validation', 'MessageRead'].map((each) => urgency(each as 'test')),
    ).toEqual(['normal', 'normal', 'normal', 'low']);
  });

  test('a newer message of the mailbox replaces one that waits, and none of another mailbox or app', () => {
    expect(topic({})).toMatch(/^[\w-]{32}$/);
    expect(topic({ id: 'another', event: 'MessageRead' })).toBe(topic({}));
    const others = [
      topic({}),
      topic({ mailbox: 'a' }),
      topic({ event: 'test' }),
      topic({ event: 'validation' }),
    ];
    expect(new Set([...others, topic({}, { auth: Buffer.alloc(16, 2) })]).size).toBe(5);
  });
});
