import { expect, it } from 'vitest';
import { comparableUser } from '../../src/mailboxes/user-name.ts';

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
