import { describe, expect, test } from 'vitest';
import { ok, type Point, problem, skipped, warning } from '../../src/check/point.ts';
import { describePoints, exitCodeOf, jsonOf } from '../../src/check/show.ts';

const POINTS: Point[] = [
  ok('one', 'is well'),
  warning('number two', 'could be better', 'improve it'),
  problem('three', 'is broken', 'fix it'),
  skipped('four', 'three'),
];

describe('describePoints', () => {
  test('aligns the columns and puts each fix below', () => {
    expect(describePoints(POINTS, { colour: false })).toBe(
      [
        'ok       one         is well',
        'warning  number two  could be better',
        '                     fix: improve it',
        'problem  three       is broken',
        '                     fix: fix it',
        'skipped  four        needs first: three',
        '1 problem, 1 warning, 1 not judged',
        '',
      ].join('\n'),
    );
  });

  test('paints the state alone, and what is left without colour is the same', () => {
    const painted = describePoints(POINTS, { colour: true });
    expect(painted).toContain('\u001b[31mproblem\u001b[39m  three');

    expect(painted.replace(/\u001b\[\d+m/g, '')).toBe(describePoints(POINTS, { colour: false }));
  });

  test('shows control characters of a file as what they are', () => {
    const shown = describePoints([problem('p', 'a\u001b[31mb\nc', 'd\u0085')], { colour: false });
    expect(shown).toContain('p  a\\u001b[31mb\\u000ac\n');
    expect(shown).not.toMatch(/[\u001b\u0085]/);
  });
});

test('jsonOf gives every point with its four keys', () => {
  expect(JSON.parse(jsonOf(POINTS))).toEqual(POINTS);
  expect(POINTS[0]).toEqual({ point: 'one', state: 'ok', text: 'is well', fix: null });
});

test.each<[number, Point[]]>([
  [0, []],
  [0, POINTS.slice(0, 2)],
  [1, POINTS],
  [0, [skipped('a', 'b')]],
])('exitCodeOf gives %d', (want, points) => {
  expect(exitCodeOf(points)).toBe(want);
});
