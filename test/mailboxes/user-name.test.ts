import { expect, it } from 'vitest';
import { comparableUser, isUserPattern, userMatcher } from '../../src/mailboxes/user-name.ts';

it.each([
  ['Alice@Example.ORG', { lowercase: true, domain: 'keep' }, 'alice@example.org'],
  ['Alice@Example.ORG', { lowercase: false, domain: 'keep' }, 'Alice@Example.ORG'],
  ['Alice@Example.ORG', { lowercase: true, domain: 'strip' }, 'alice'],
  ['Alice', { lowercase: false, domain: 'strip' }, 'Alice'],
  ['a@b@example.org', { lowercase: true, domain: 'strip' }, 'a@b'],
  ['@example.org', { lowercase: true, domain: 'strip' }, '@example.org'],
  ['', { lowercase: true, domain: 'strip' }, ''],
  ['', { lowercase: true, domain: 'keep' }, ''],
] as const)('%j under %j is %j', (user, rules, comparable) => {
  expect(comparableUser(user, rules)).toBe(comparable);
});

it.each([
  ['alice', ['alice'], ['alicea', 'ALICE']],
  ['ALICE', ['alice'], ['bob']],
  ['*@Example.org', ['a@example.org', '@example.org'], ['a@example,org', 'a@example.org.net']],
  ['a?c*', ['abc', 'a\u{1f4e8}cd', 'a\ncd'], ['ac', 'abbc']],
  ['[a].(b)*', ['[a].(b)', '[a].(b)c'], ['a.b', '[a]x(b)']],
  ['**a*b**c', ['abc', 'xaabbcxc', 'a*b*c'], ['ab', 'acb', 'abcx', '']],
  ['*?', ['a', '\u{1f4e8}'], ['']],
  ['??', ['ab', '\u{1f4e8}a'], ['\u{1f4e8}', 'abc']],
  ['*??', ['ab', '\u{1f4e8}a', 'xyz'], ['\u{1f4e8}', 'a']],
])('%j means %j and not %j', (pattern, matching, others) => {
  const matches = userMatcher(pattern, { lowercase: true, domain: 'keep' });
  expect(matching.filter(matches)).toEqual(matching);
  expect(others.filter(matches)).toEqual([]);
  expect(isUserPattern(pattern)).toBe(/[*?]/.test(pattern));
});

it('a pattern of many stars takes no time', () => {
  const matches = userMatcher(`${'*a'.repeat(6)}*b`, { lowercase: true, domain: 'keep' });
  const startMs = performance.now();
  expect(matches('a'.repeat(64))).toBe(false);
  expect(matches(`${'a'.repeat(64)}b`)).toBe(true);
  expect(performance.now() - startMs).toBeLessThan(100);
});

it('is the same when done twice', () => {
  const rules = { lowercase: true, domain: 'strip' } as const;
  expect(comparableUser(comparableUser('ÄLICE@x', rules), rules)).toBe('Älice');
});

it.each(['\u212alaus', '\u0130nci', 'Stra\u00dfe\u1e9e', '\uff21'])(
  'only A to Z have another case: %j',
  (user) => {
    expect(comparableUser(user, { lowercase: true, domain: 'keep' })).toBe(user.replace('S', 's'));
  },
);
