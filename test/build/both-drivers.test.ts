import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/store.ts';

const SCRIPT = fileURLToPath(new URL('../../build/both-drivers.mjs', import.meta.url));

test('a package with one driver is not made, since other Nodes could not run it', () => {
  const folder = temporaryFolder();
  const look = (): { status: number | null; stderr: string } =>
    spawnSync(process.execPath, [SCRIPT, folder], { encoding: 'utf8' });
  writeFileSync(join(folder, 'better-sqlite3-node20.cjs'), '');
  const { status, stderr } = look();
  expect(status).toBe(1);
  expect(stderr).toContain(`pack: error: better-sqlite3 is not in ${folder}`);
  expect(stderr).toContain('pack: hint: with Node 22.14 or later');
  writeFileSync(join(folder, 'better-sqlite3.cjs'), '');
  expect(look()).toMatchObject({ status: 0, stderr: '' });
});
