import { describe, expect, test } from 'vitest';
import { painter, wantsColour } from '../../src/terminal/terminal.ts';

describe('wantsColour', () => {
  test.each<[boolean, NodeJS.ProcessEnv, boolean]>([
    [true, {}, true],
    [true, { NO_COLOR: '' }, true],
    [true, { NO_COLOR: '1' }, false],
    [true, { TERM: 'dumb' }, false],
    [false, {}, false],
  ])('terminal %s, %j: %s', (terminal, environment, want) => {
    expect(wantsColour(terminal, environment)).toBe(want);
  });
});

test('painter paints, or leaves the text as it is', () => {
  expect(painter(true)('bad', 'red')).toBe('\u001b[31mbad\u001b[39m');
  expect(painter(false)('bad', 'red')).toBe('bad');
});
