import { expect, test } from 'vitest';
import { ok, type Point, problem, skipped, warning } from '../../src/check/point.ts';
import { exitCodeOf, firstToDo, jsonOf, summary } from '../../src/check/show.ts';

const POINTS: Point[] = [
  ok('one', 'is well'),
  warning('number two', 'could be better', 'improve it'),
  problem('three', 'is broken', 'fix it'),
  skipped('four', 'three'),
];

test('jsonOf gives every point with its four keys', () => {
  expect(JSON.parse(jsonOf(POINTS))).toEqual(POINTS);
  expect(POINTS[0]).toEqual({ point: 'one', state: 'ok', text: 'is well', fix: null });
});

test('the summary counts what is not well', () => {
  expect(summary(POINTS)).toBe('1 problem, 1 warning, 1 not judged');
  expect(summary([])).toBe('0 problems, 0 warnings');
});

test('the first thing to do is the first problem, else the first warning', () => {
  expect(firstToDo(POINTS)?.point).toBe('three');
  expect(firstToDo(POINTS.slice(0, 2))?.point).toBe('number two');
  expect(firstToDo(POINTS.slice(0, 1))).toBeUndefined();
});

test.each<[number, Point[]]>([
  [0, []],
  [0, POINTS.slice(0, 2)],
  [1, POINTS],
  [0, [skipped('a', 'b')]],
])('exitCodeOf gives %d', (want, points) => {
  expect(exitCodeOf(points)).toBe(want);
});
