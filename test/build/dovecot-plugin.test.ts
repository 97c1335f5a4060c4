import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeWithPlugin, PLUGIN_SOURCE } from '../support/dovecot-plugin.ts';
import { temporaryFolder } from '../support/store.ts';

describeWithPlugin('the Makefile of the plugin', () => {
  test('installs without a warning, and again by a rename, for sessions have the former file loaded', () => {
    const [source, root] = [temporaryFolder(), temporaryFolder()];
    for (const name of ['imap_xapplepush_plugin.c', 'Makefile'])
      copyFileSync(join(PLUGIN_SOURCE, name), join(source, name));
    const install = (): { ino: number; mode: number } => {
      const options = [`DESTDIR=${root}`, 'CFLAGS=-Wextra -Wshadow -Werror', 'install'];
      execFileSync('make', ['-C', source, ...options], { stdio: 'pipe' });
      const folder = join(root, 'usr/lib/dovecot/modules');
      expect(readdirSync(folder)).toEqual(['lib95_imap_xapplepush_plugin.so']);
      return statSync(join(folder, 'lib95_imap_xapplepush_plugin.so'));
    };
    const [first, second] = [install(), install()];
    expect(first.mode & 0o777).toBe(0o644);
    expect(second.ino).not.toBe(first.ino);
  });
});
