import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { completionScript, manual } from '../../src/manual/manual.ts';
import { VERSION } from '../../src/installation.ts';
import { testProgram } from '../support/command-tree.ts';
import { installProgram } from '../support/installation.ts';
import { temporaryFolder } from '../support/store.ts';

test('the page is of this version, and of the day of its build', () => {
  const [heading = ''] = manual(testProgram()).split('\n');
  expect(heading).toMatch(/^\.TH XAPPLEPUSH 1 20\d\d-\d\d-\d\d /);
  expect(heading.endsWith(` "xapplepush ${VERSION}"`)).toBe(true);
});

test('a script for each shell names that shell', () => {
  for (const shell of ['bash', 'zsh', 'fish'] as const)
    expect(completionScript(testProgram(), shell)).toContain(`xapplepush completion ${shell}\n`);
});

test('without the example of a configuration it says what to do', () => {
  const dir = temporaryFolder();
  const command = installProgram(dir);
  const env = { XAPPLEPUSH_NODE: process.execPath };
  rmSync(join(dir, 'examples'), { recursive: true, force: true });
  const { status, stderr } = spawnSync(command, ['man'], { encoding: 'utf8', env });
  expect(stderr).toMatch(
    /^xapplepush: error: the words about the configuration cannot be read: .*config\.yaml/,
  );
  expect(stderr).toContain('\nxapplepush: hint: examples/config.yaml belongs beside');
  expect(status).toBe(78);
  execFileSync('cp', ['-r', fileURLToPath(new URL('../../examples', import.meta.url)), dir]);
  expect(execFileSync(command, ['man'], { encoding: 'utf8', env })).toContain('delivery.linger');
});
