import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeWithPlugin, PLUGIN_SOURCE } from '../support/dovecot-plugin.ts';
import { temporaryFolder } from '../support/store.ts';

/** Some two seconds. */
const RUNS = 60_000;

/** All of it in a folder of its own. */
function copyOfSource(): string {
  const source = temporaryFolder();
  for (const name of readdirSync(PLUGIN_SOURCE).filter((file) => /\.c$|^Makefile$/.test(file)))
    copyFileSync(join(PLUGIN_SOURCE, name), join(source, name));
  return source;
}

describeWithPlugin('the Makefile of the plugin', () => {
  test('installs without a warning, and again by a rename, for sessions have the former file loaded', () => {
    const [source, root] = [copyOfSource(), temporaryFolder()];
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

  test('has the parser tried with what phones do not say, under the sanitizers', () => {
    const options = ['CFLAGS=-Wextra -Wshadow -Werror', 'fuzz-short', `FUZZ_RUNS=${RUNS}`];
    const said = execFileSync('make', ['-s', '-C', copyOfSource(), ...options], {
      // Dovecot's library keeps until the end what it has.
      env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' },
      ...{ encoding: 'utf8', stdio: 'pipe' },
    });
    const [, runs, registrations] = (/^(\d+) runs, (\d+) registrations\n$/.exec(said) ?? []).map(Number);
    expect(runs).toBe(RUNS);
    expect(registrations).toBeGreaterThan(RUNS / 20); // so most of what comes after the parser was tried too
  });
});
