import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { modeFor, toolsAvailability } from './needs.ts';
import { temporaryFolder } from './store.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

describe('a test that needs something of the host', () => {
  const absent = { available: false, why: 'none', install: 'apt-get' } as const;
  it.each([
    { availability: { available: true } as const, ci: undefined, mode: 'run' },
    { availability: { available: true } as const, ci: 'true', mode: 'run' },
    { availability: absent, ci: undefined, mode: 'skip' },
    { availability: absent, ci: '', mode: 'skip' },
    { availability: absent, ci: 'false', mode: 'skip' },
    { availability: absent, ci: 'true', mode: 'fail' },
    { availability: absent, ci: '1', mode: 'fail' },
  ])('is $mode where that is $availability and CI is $ci', ({ availability, ci, mode }) => {
    expect(modeFor(availability, ci)).toBe(mode);
  });

  it('programs that are missing have the line that installs them', () => {
    expect(toolsAvailability({ sh: 'dash' })).toEqual({ available: true });
    expect(
      toolsAvailability({ sh: 'dash', 'no-such-a': 'some', 'no-such-b': 'some', 'no-such-c': 'other' }),
    ).toEqual({
      available: false,
      why: 'there is no no-such-a and no no-such-b and no no-such-c',
      install: 'apt-get install -y --no-install-recommends some other',
    });
  });

  it.each([
    ['', 'skipped', 0],
    ['true', 'failed', 1],
  ])('says the line also where its block needs it at once (CI=%s)', (ci, status, exitCode) => {
    const folder = temporaryFolder();
    writeFileSync(
      join(folder, 'some.test.ts'),
      `import { describeWithTools } from '${PROJECT}/test/support/needs.ts';
       describeWithTools({ 'no-such': 'some-package' }, 'a block', () => { throw new Error('no-such is not there'); });`,
    );
    const vitest = join(PROJECT, 'node_modules/vitest/vitest.mjs');
    const run = spawnSync(process.execPath, [vitest, 'run', '--reporter=json', '--root', folder], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], CI: ci },
    });
    expect(run.status).toBe(exitCode);
    const [file] = (JSON.parse(run.stdout) as { testResults: { assertionResults: object[] }[] }).testResults;
    expect(JSON.stringify(file?.assertionResults)).toContain(
      'apt-get install -y --no-install-recommends some-package',
    );
    expect(file?.assertionResults).toEqual([expect.objectContaining({ status })]);
  });
});
