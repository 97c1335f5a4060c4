import { describe, expect, it } from 'vitest';
import { nearest } from '../../src/config/nearest.ts';

const KEYS = ['mode', 'linger', 'deadline', 'expiry', 'throttle', 'housekeeping_delay', 'give_up'];

describe('nearest', () => {
  it.each([
    ['lingr', 'linger'],
    ['mdoe', undefined],
    ['expriy', 'expiry'],
    ['giveUp', 'give_up'],
    ['give-up', 'give_up'],
    ['EXPIRY', 'expiry'],
    ['dedline', 'deadline'],
    ['housekeepingDelay', 'housekeeping_delay'],
  ])('%s means %s', (word, want) => {
    expect(nearest(word, KEYS)).toBe(want);
  });

  it.each(['', 'x', 'colour', 'constructor', 'e'.repeat(100_000)])('%.20s means none of them', (word) => {
    expect(nearest(word, KEYS)).toBeUndefined();
  });

  it('has no answer without candidates', () => {
    expect(nearest('linger', [])).toBeUndefined();
  });
});
