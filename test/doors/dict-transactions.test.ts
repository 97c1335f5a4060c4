import { expect, test } from 'vitest';
import { DictTransactions } from '../../src/doors/dict-transactions.ts';

const change = (key: string, bytes = 1) => ({ key, value: Buffer.alloc(bytes) });

test('several go on at once, each with its user and its changes in their order', () => {
  const transactions = new DictTransactions();
  expect([transactions.begin('1', 'alice'), transactions.begin('2', 'bob')]).toEqual([undefined, undefined]);
  for (const [id, key] of [
    ['1', 'priv/g/a'],
    ['2', 'priv/g/b'],
    ['1', 'priv/g/c'],
  ] as const)
    expect(transactions.change(id, change(key))).toBeUndefined();
  expect(transactions.end('1')).toMatchObject({
    ...{ user: 'alice', unfit: undefined },
    changes: [{ key: 'priv/g/a' }, { key: 'priv/g/c' }],
  });
  expect([transactions.end('1'), transactions.isEmpty()]).toEqual([undefined, false]);
  expect(transactions.end('2')).toMatchObject({ user: 'bob', changes: [{ key: 'priv/g/b' }] });
  expect(transactions.isEmpty()).toBe(true);
});

test('of one that is spoilt nothing is kept, and the first reason is told', () => {
  const transactions = new DictTransactions();
  transactions.begin('1', 'alice');
  transactions.change('1', change('priv/g/a'));
  transactions.spoil('1', 'too long');
  transactions.change('1', change('priv/g/b'));
  transactions.spoil('1', 'too long again');
  expect(transactions.end('1')).toMatchObject({ changes: [], unfit: 'too long' });
});

test('what is held is bounded, and free again where it is spoilt or at an end', () => {
  const transactions = new DictTransactions();
  const fill = (id: string): void => {
    transactions.begin(id, 'alice');
    for (let n = 0; n < 60; n += 1) transactions.change(id, change(`priv/g/${n}`, 2000));
  };
  fill('1');
  fill('2');
  expect(transactions.end('2')).toMatchObject({ changes: [], unfit: 'too many changes at once' });
  expect(transactions.end('1')).toMatchObject({ unfit: undefined });
  fill('3');
  expect(transactions.end('3')).toMatchObject({ unfit: undefined });
});

test.each<[string, (transactions: DictTransactions) => string | undefined, string]>([
  ['begins twice', (all) => [all.begin('1', ''), all.begin('1', '')][1], 'begun already'],
  ['changes what has not begun', (all) => all.change('1', change('priv/g/a')), 'has not begun'],
  ['spoils what has not begun', (all) => all.spoil('1', 'x'), 'has not begun'],
  [
    'begins too many',
    (all) => Array.from({ length: 17 }, (_, n) => all.begin(String(n), '')).at(-1),
    'too many transactions',
  ],
])('a client that %s is told so', (_, act, expected) => {
  expect(act(new DictTransactions())).toContain(expected);
});
