import { expect, test } from 'vitest';
import { processName } from '../../src/process/process-name.ts';
import { servedBy } from '../../src/status/status.ts';

test('a serve that was killed does not run', () => {
  const living = processName() ?? '';
  const killed = living.replace(/\d+$/, '1'); // of the same pid, begun at another time
  const dead = { owner: killed, sinceMs: 1, outdated: '/etc/x' };
  expect(servedBy([dead])).toBeUndefined();
  expect(servedBy([dead, { owner: living, sinceMs: 2, outdated: null }])).toEqual({
    sinceMs: 2,
    outdated: [],
  });
});

test('one that cannot be judged counts', () => {
  const elsewhere = { owner: '1:2:3', sinceMs: 1, outdated: 'the program' };
  expect(servedBy([elsewhere, { ...elsewhere, sinceMs: 5 }])).toEqual({
    sinceMs: 1,
    outdated: ['the program'],
  });
  expect(servedBy([])).toBeUndefined();
});
