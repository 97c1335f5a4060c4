import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { installProgram } from '../support/installation.ts';
import { temporaryFolder } from '../support/store.ts';

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
