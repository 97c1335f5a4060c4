import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { usableOf, watchCredentials } from '../../../src/apns/credentials/watch.ts';
import { apnsConfig, withMockApns } from '../../support/apns.ts';
import { temporaryFolder } from '../../support/store.ts';

test('the password of a proxy is looked at like the other files, and makes no credential unusable', async () => {
  await withMockApns({}, (mock) => {
    const passwordFile = join(temporaryFolder(), 'password');
    const proxy = { address: 'http://127.0.0.1:3128', passwordFile };
    const nowMs = Date.now();
    const watch = watchCredentials({ ...apnsConfig(mock), proxy }, nowMs);
    expect(watch.look(nowMs)).toBe(false);
    for (const change of [() => writeFileSync(passwordFile, 'alice:sesame\n'), () => rmSync(passwordFile)]) {
      change();
      expect(watch.look(nowMs)).toBe(true);
      expect(watch.look(nowMs)).toBe(false);
      expect(usableOf(watch.current)).toHaveLength(1);
    }
    return Promise.resolve();
  });
});
