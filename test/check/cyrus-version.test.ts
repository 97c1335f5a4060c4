import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkCyrusVersion, hasRegistrationFix, packagedCyrus } from '../../src/check/cyrus-version.ts';
import { temporaryFolder } from '../support/store.ts';

test.each([
  ['3.8.6', 'unfixed'],
  ['3.8.7', 'fixed'],
  ['3.8.10', 'fixed'],
  ['3.10.2', 'unfixed'],
  ['3.10.3', 'fixed'],
  ['3.10.12-1', 'fixed'],
  ['3.12.2', 'unfixed'],
  ['3.12.3', 'fixed'],
  ['3.12.2-1', 'unfixed'],
  ['3.14.0', 'fixed'],
  ['4.0.0', 'fixed'],
  ['3.6.8', 'unfixed'],
  ['3.0.0', 'unfixed'],
  ['3.6.1-4', 'unfixed'],
  ['3.6.1-4+deb12u4', 'unfixed'],
  ['3.6.1-4+deb12u5', 'fixed'],
  ['3.6.1-4+deb12u10', 'fixed'],
  // Updates of a distribution whose content the number does not tell.
  ['3.2.6-2+deb11u4', 'unknown'],
  ['3.10.1-1+deb13u1', 'unknown'],
  ['3.10.3-1+deb13u1', 'fixed'],
  ['3.8.2-1ubuntu0.1', 'unknown'],
  ['3.8.6-1~bpo12+1', 'unknown'],
  // No releases.
  ['3.9.1', 'unknown'],
  ['3.11.0', 'unknown'],
  ['3.12.3~rc1', 'unknown'],
  ['3.12.13~rc1', 'unknown'],
  ['2.5.17', 'unknown'],
  ['3.12', 'unknown'],
  ['', 'unknown'],
])('Cyrus %s: %s', (version, want) => expect(hasRegistrationFix(version)).toBe(want));

describe('the point', () => {
  test('warns of a version without the fix, and names the versions with it', () => {
    const point = checkCyrusVersion(true, () => '3.8.6');
    expect(point).toMatchObject({
      state: 'warning',
      text: expect.stringContaining('3.8.6 has CVE-2026-47081') as string,
      fix: expect.stringContaining('3.8.7, 3.10.3, 3.12.3 and Debian 3.6.1-4+deb12u5') as string,
    });
  });

  test.each([
    ['with the fix', '3.12.3', '3.12.3, which has the fix of CVE-2026-47081'],
    ['that says nothing', '3.9.1', '3.9.1; CVE-2026-47081 is fixed in 3.8.7'],
    ['that nobody knows', undefined, 'unknown; CVE-2026-47081 is fixed in 3.8.7'],
  ])('is no warning for a version %s', (_, version, text) => {
    const want = { state: 'ok', text: expect.stringContaining(text) as string };
    expect(checkCyrusVersion(true, () => version)).toMatchObject(want);
  });

  test('asks nobody where no device may register for mailboxes of others', () => {
    const find = (): never => expect.fail('it was asked for');
    expect(checkCyrusVersion(false, find)).toMatchObject({ state: 'ok' });
  });
});

describe('the version', () => {
  function dpkg(script: string): string {
    const folder = temporaryFolder();
    const file = join(folder, 'dpkg-query');
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
    return folder;
  }

  test.each([
    ['of cyrus-imapd', 'echo "installed 3.6.1-4+deb12u4"', '3.6.1-4+deb12u4'],
    ['of cyrus-common', '[ "$3" = cyrus-common ] && echo "installed 3.8.6-1"', '3.8.6-1'],
    ['of a package that was removed', 'echo "config-files 3.6.1-4"', undefined],
    ['of no package', 'exit 1', undefined],
  ])('%s', (_, script, want) => expect(packagedCyrus(dpkg(script))).toBe(want));

  test('without dpkg', () => expect(packagedCyrus(temporaryFolder())).toBeUndefined());
});
