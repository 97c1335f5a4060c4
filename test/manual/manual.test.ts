import { expect, test } from 'vitest';
import { completionScript, manual } from '../../src/manual/manual.ts';
import { VERSION } from '../../src/process/installation.ts';
import { testProgram } from '../support/command-tree.ts';

test('the page is of this version, and of the day of its build', () => {
  const [heading = ''] = manual(testProgram()).split('\n');
  expect(heading).toMatch(/^\.TH XAPPLEPUSH 1 20\d\d-\d\d-\d\d /);
  expect(heading.endsWith(` "xapplepush ${VERSION}"`)).toBe(true);
});

test('a script for each shell names that shell', () => {
  for (const shell of ['bash', 'zsh', 'fish'] as const)
    expect(completionScript(testProgram(), shell)).toContain(`xapplepush completion ${shell}\n`);
});
