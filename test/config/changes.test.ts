import { chmodSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { watchChanges } from '../../src/config/changes.ts';
import { loadConfig } from '../../src/config/load.ts';
import { temporaryFolder } from '../support/store.ts';

interface Watched {
  file: string;
  imapdConf: string;
  changed: () => Promise<string | undefined>;
}

/** A configuration that was read, and the watch of it. */
function watched(): Watched {
  const folder = temporaryFolder();
  const [file, imapdConf] = [join(folder, 'config.yaml'), join(folder, 'imapd.conf')];
  writeFileSync(imapdConf, 'altnamespace: yes\n');
  writeFileSync(file, `store: /a.db\nimapd_conf: ${imapdConf}\n`);
  return { file, imapdConf, changed: watchChanges(loadConfig(file, {})) };
}

const text = (imapdConf: string, more: string): string => `imapd_conf: ${imapdConf}\n${more}\n`;

test('nothing has changed at first, nor where the file is only touched or says the same', async () => {
  const { file, imapdConf, changed } = watched();
  expect(await changed()).toBeUndefined();
  utimesSync(file, 1, 1);
  expect(await changed()).toBeUndefined();
  writeFileSync(file, text(imapdConf, '# the same\nstore: /a.db'));
  expect(await changed()).toBeUndefined();
});

test.each(['store: /b.db', 'store: /a.db\nserve: { metrics: false }'])(
  'tells that the file says %j, until it is as before',
  async (other) => {
    const { file, imapdConf, changed } = watched();
    writeFileSync(`${file}.new`, text(imapdConf, other));
    renameSync(`${file}.new`, file);
    expect([await changed(), await changed()]).toEqual([file, file]);
    writeFileSync(file, text(imapdConf, 'store: /a.db'));
    expect(await changed()).toBeUndefined();
  },
);

test('tells what was written between the reading and the watch', async () => {
  const { file, imapdConf } = watched();
  const config = loadConfig(file, {});
  writeFileSync(file, text(imapdConf, 'store: /b.db'));
  expect(await watchChanges(config)()).toBe(file);
});

test.each<[string, (file: string) => void]>([
  ['wrong', (file) => writeFileSync(file, 'stores: /b.db')],
  ['half-written', (file) => writeFileSync(file, 'apns: { server: ')],
  ['gone', (file) => rmSync(file)],
])('changes nothing where the file is %s', async (_what, write) => {
  const { file, changed } = watched();
  write(file);
  expect(await changed()).toBeUndefined();
});

test('tells that imapd.conf was written', async () => {
  const { imapdConf, changed } = watched();
  writeFileSync(imapdConf, 'altnamespace: no\n');
  expect(await changed()).toBe(imapdConf);
});

test('throws nothing where a folder may no longer be looked into', async () => {
  const { file, changed } = watched();
  chmodSync(join(file, '..'), 0o000);
  await expect(changed()).resolves.toBeUndefined();
  chmodSync(join(file, '..'), 0o700);
});
