import { expect, test } from 'vitest';
import { processName } from '../../src/process/process-name.ts';
import { servedBy } from '../../src/status/status.ts';

const DOOR = { door: 'http', isAsBefore: false, sinceMs: 3, reason: 'in use', fix: null };

test('a serve that was killed does not run', () => {
  const living = processName() ?? '';
  const killed = living.replace(/\d+$/, '1'); // of the same pid, begun at another time
  const dead = { owner: killed, sinceMs: 1, outdated: '/etc/x', closed: [DOOR] };
  expect(servedBy([dead])).toBeUndefined();
  expect(servedBy([dead, { owner: living, sinceMs: 2, outdated: null, closed: [] }])).toEqual({
    sinceMs: 2,
    outdated: [],
    closed: [],
  });
});

test('one that cannot be judged counts', () => {
  const elsewhere = { owner: '1:2:3', sinceMs: 1, outdated: 'the program', closed: [DOOR] };
  expect(servedBy([elsewhere, { ...elsewhere, sinceMs: 5 }])).toEqual({
    sinceMs: 1,
    outdated: ['the program'],
    closed: [DOOR, DOOR],
  });
  expect(servedBy([])).toBeUndefined();
});
