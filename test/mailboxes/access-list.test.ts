import { describe, expect, test } from 'vitest';
import { mayRead } from '../../src/mailboxes/access-list.ts';

const RULES = { lowercase: true, domain: 'keep' } as const;

describe('may bob read it', () => {
  test.each([
    ['alice\tlrswipkxtecdan\tbob\tlrswipkxtecd\t', true],
    ['alice\tlrswipkxtecdan\t', false],
    ['alice\tlrswipkxtecdan\tanyone\tp\t', false],
    ['alice\tlrswipkxtecdan9\tanyone\t9\t', false],
    ['anyone\tlrs\talice\tlrswipkxtecd\t', true],
    ['anyone\tr', true],
    ['bob\tl\t', false],
    ['bob\tl\tanyone\tr\t', true],
    ['BOB\tr\t', true],
    ['anonymous\tlrs\t', false],
    ['group:staff\tlrs\t', false],
    ['bob@example.org\tr\t', false],
    ['bobby\tr\t', false],
    ['anyone\tlrs\t-bob\tr\t', false],
    ['-bob\tr\tanyone\tlrs\t', false],
    ['anyone\tlrs\t-bob\tw\t', true],
    ['anyone\tlrs\t-alice\tr\t', true],
    ['bob\tlrs\t-anyone\tr\t', false],
    ['bob\tlrs\t-group:guests\tr\t', false],
    ['bob\tlrs\t-group:guests\tw\t', true],
    ['lrs\tbob\t', false],
    ['bob', false],
    ['', false],
    ['\t\t', false],
    ['\u212aob\tr\t', false],
  ])('%j: %s', (acl, may) => expect(mayRead(acl, 'bob', RULES)).toBe(may));

  test('users compare by the rules of the configuration', () => {
    expect(mayRead('Bob@example.org\tr\t', 'bob', { lowercase: true, domain: 'strip' })).toBe(true);
    expect(mayRead('Bob\tr\t', 'bob', { lowercase: false, domain: 'keep' })).toBe(false);
  });

  test('a group’s name is no user’s', () => {
    expect(mayRead('group:x\tr\t', 'group:x', RULES)).toBe(false);
  });
});
