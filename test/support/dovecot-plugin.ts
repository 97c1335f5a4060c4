import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXAMPLES } from './dovecot-config.ts';
import { dovecotAvailability, dovecotInstallation } from './dovecot-installation.ts';
import { madeOnce } from './made-once.ts';
import { type Availability, describeWith, toolsAvailability } from './needs.ts';

export const PLUGIN_SOURCE = fileURLToPath(new URL('../../dovecot', import.meta.url));

const PLUGIN = 'lib95_imap_xapplepush_plugin.so';
const DOVECOT_CONFIG = '/usr/lib/dovecot/dovecot-config';
const MODULES = '/usr/lib/dovecot/modules';
const TOPIC = 'com.apple.mail.XServer.11111111-2222-3333-4444-555555555555';

/** A describe block that needs a real Dovecot and what its plugin is compiled with. */
export function describeWithPlugin(name: string, body: () => void): void {
  describeWith('a Dovecot and its headers', pluginAvailability(), name, body);
}

function pluginAvailability(): Availability {
  const dovecot = dovecotAvailability();
  if (!dovecot.available) return dovecot;
  const tools = toolsAvailability({ cc: 'build-essential', make: 'build-essential' });
  if (!tools.available) return tools;
  if (existsSync(DOVECOT_CONFIG)) return { available: true };
  const install = 'apt-get install -y --no-install-recommends dovecot-dev';
  return { available: false, why: "Dovecot's headers are not installed", install };
}

/** Compiles the plugin, with more flags of the compiler where some are given; gives the file. */
export function buildPlugin(flags = ''): string {
  const folder = madeOnce(`dovecot-plugin${flags.replaceAll(/\W/g, '_')}`, (draft) => {
    for (const name of readdirSync(PLUGIN_SOURCE).filter((file) => /\.c$|^Makefile$/.test(file)))
      copyFileSync(join(PLUGIN_SOURCE, name), join(draft, name));
    execFileSync('make', ['-C', draft, `CFLAGS=-Werror ${flags}`], { stdio: 'pipe' });
  });
  return join(folder, PLUGIN);
}

/** A folder for `mail_plugin_dir`: Dovecot's own plugins, those of imapd, and this file of ours. */
export function pluginFolder(folder: string, plugin: string): string {
  mkdirSync(folder);
  const imapd = dovecotInstallation().libexec.map((libexec) => join(libexec, 'modules'));
  const modules = new Map(
    [MODULES, ...imapd]
      .filter((each) => existsSync(each))
      .flatMap((each) => readdirSync(each).map((name) => [name, join(each, name)])),
  );
  for (const [name, path] of modules) symlinkSync(path, join(folder, name));
  copyFileSync(plugin, join(folder, PLUGIN)); // where it was built, only root may look
  return folder;
}

/** Our fragment that loads the plugin, with this topic and spool. */
export function pluginFragment(folder: string, topic: string, spool: string): string {
  const name = `91-xapplepush-plugin-${dovecotInstallation().version}.conf`;
  const fragment = readFileSync(join(EXAMPLES, name), 'utf8')
    .replace(TOPIC, topic)
    .replaceAll('/var/spool/xapplepush', spool);
  return `mail_plugin_dir = ${folder}\n${fragment}`;
}
