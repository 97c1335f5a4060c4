import { describe, expect, test } from 'vitest';
import { agoText, countOf, spanText, timeAndAge, timeText, visible } from '../../src/process/text.ts';

test('times are in UTC, to the second', () => {
  expect(timeText(0)).toBe('1970-01-01T00:00:00Z');
  expect(timeText(1_700_000_000_999)).toBe('2023-11-14T22:13:20Z');
  expect(timeText(null)).toBe('never');
});

test('spans are in the largest unit of which there are two', () => {
  const spans = [
    0, 999, 1000, 119_999, 120_000, 7_199_999, 7_200_000, 172_799_999, 172_800_000, 8_640_000_000,
  ];
  expect(spans.map(spanText)).toEqual([
    '0 seconds',
    '0 seconds',
    '1 second',
    '119 seconds',
    '2 minutes',
    '119 minutes',
    '2 hours',
    '47 hours',
    '2 days',
    '100 days',
  ]);
});

test('ages are in words, of what is past and of what is to come', () => {
  const at = (ms: number): string => agoText(ms, 1_000_000);
  expect([at(1_000_000), at(999_000), at(700_000), at(1_000_001), at(1_300_000)]).toEqual([
    '0 seconds ago',
    '1 second ago',
    '5 minutes ago',
    'in 0 seconds',
    'in 5 minutes',
  ]);
  expect(timeAndAge(0, 3_600_000)).toBe('1970-01-01T00:00:00Z (60 minutes ago)');
});

test('one is singular, all else plural', () => {
  expect([0, 1, 2].map((count) => countOf(count, 'target'))).toEqual(['0 targets', '1 target', '2 targets']);
  expect([1, 2].map((count) => countOf(count, 'push', 'pushes'))).toEqual(['1 push', '2 pushes']);
});

describe('visible', () => {
  test.each([
    ['Entwürfe 📨', 'Entwürfe 📨'],
    ['a\u001b[2Jb', 'a\\u001b[2Jb'],
    ['a\nb\r', 'a\\u000ab\\u000d'],
    ['\u202ercod', '\\u202ercod'],
    ['\ud800', '\\ud800'],
    ['\u{e0001}', '\\udb40\\udc01'],
  ])('%j', (text, want) => {
    expect(visible(text)).toBe(want);
  });
});
