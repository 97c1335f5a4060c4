import { execFileSync } from 'node:child_process';
import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXAMPLES } from './dovecot-config.ts';
import { dovecotAvailability, dovecotInstallation } from './dovecot-installation.ts';
import { madeOnce } from './made-once.ts';
import { type Availability, describeWith, testWith, toolsAvailability } from './needs.ts';

export const PLUGIN_SOURCE = fileURLToPath(new URL('../../dovecot', import.meta.url));

const PLUGIN = 'lib95_imap_xapplepush_plugin.so';
const DOVECOT_CONFIG = '/usr/lib/dovecot/dovecot-config';
const MODULES = '/usr/lib/dovecot/modules';
const TOPIC = 'com.apple.mail.XServer.11111111-2222-3333-4444-555555555555';

/** A describe block that needs a real Dovecot and what its plugin is compiled with. */
export function describeWithPlugin(name: string, body: () => void): void {
  describeWith('a Dovecot and its headers', pluginAvailability(), name, body);
}

export function pluginAvailability(): Availability {
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

/** Our fragment that loads the plugin, with this topic and spool; `mailboxes` are those that phones are told of. */
export function pluginFragment(folder: string, topic: string, spool: string, mailboxes?: 'all'): string {
  const { version } = dovecotInstallation();
  const fragment = readFileSync(join(EXAMPLES, `91-xapplepush-plugin-${version}.conf`), 'utf8')
    .replace(TOPIC, topic)
    .replaceAll('/var/spool/xapplepush', spool);
  const equals = version === '2.4' ? ' = ' : '=';
  const more = mailboxes === undefined ? '' : `$1XAPPLEPUSH_MAILBOXES${equals}${mailboxes}`;
  return `mail_plugin_dir = ${folder}\n${fragment.replace(/(\s+)XAPPLEPUSH_SPOOL/, `${more}$&`)}`;
}

const SIEVE = `${MODULES}/lib90_sieve_plugin.so`;

/** A test that needs Dovecot's Sieve. */
export function testWithSieve(name: string, body: () => Promise<void>): void {
  testWith('Sieve', sieveAvailability(), name, body);
}

export function sieveAvailability(): Availability {
  if (existsSync(SIEVE)) return { available: true };
  const install = 'apt-get install -y --no-install-recommends dovecot-sieve';
  return { available: false, why: `this Dovecot has no ${SIEVE}`, install };
}

/** Files a message into the mailbox that its header names, which may be an encoded word. */
const SCRIPT = `require ["fileinto", "variables"];
if header :matches "X-Folder" "*" {
  fileinto "\${1}";
}
`;

/** Has LMTP do so by a script at that path; nothing where there is no Sieve. */
export function sieveFragment(path: string): string {
  if (!sieveAvailability().available) return '';
  const { version, uid, gid } = dovecotInstallation();
  writeFileSync(path, SCRIPT);
  chownSync(path, uid, gid);
  return version === '2.4'
    ? `protocol lmtp {\n  mail_plugins {\n    sieve = yes\n  }\n}\nsieve_script personal {\n  path = ${path}\n}\n`
    : `protocol lmtp {\n  mail_plugins = $mail_plugins sieve\n}\nplugin {\n  sieve = file:${path}\n}\n`;
}

/** Rights of mailboxes, a master user with the password "master", and anonymous log-ins. */
export function rightsFragment(): string {
  const logins = 'auth_mechanisms = plain anonymous\nauth_master_user_separator = *\n';
  if (dovecotInstallation().version === '2.4')
    return `${logins}mail_plugins {
  acl = yes
}
passdb boss {
  driver = static
  passdb_static_password = master
  master = yes
}
acl_driver = vfile
`;
  return `${logins}mail_plugins = $mail_plugins acl
passdb {
  driver = static
  args = password=master
  master = yes
}
plugin {
  acl = vfile
}
`;
}

/** Mailboxes of others below each prefix, in which %u, %n and %d stand for the owner; its last character separates levels. */
export function sharedFragment(...prefixes: string[]): string {
  return `${aclFragment()}${prefixes.map(sharedNamespace).join('')}`;
}

/** Those of everybody below `Public/`, which lie in that folder. */
export function publicFragment(folder: string): string {
  const location = dovecotInstallation().version === '2.4' ? 'mail_path = ' : 'location = maildir:';
  return `namespace public {
  type = public
  separator = /
  prefix = Public/
  ${location}${folder}
  subscriptions = no
}
`;
}

function aclFragment(): string {
  return dovecotInstallation().version === '2.4'
    ? 'mail_plugins {\n  acl = yes\n}\nacl_driver = vfile\n'
    : 'mail_plugins = $mail_plugins acl\nplugin {\n  acl = vfile\n}\n';
}

function sharedNamespace(prefix: string, index: number): string {
  const is24 = dovecotInstallation().version === '2.4';
  const names: Record<string, string> = { u: '$user', n: '$username', d: '$domain' };
  const written = prefix.replaceAll(/%([und])/g, (variable, key: string) =>
    is24 ? (names[key] ?? '') : `%${variable}`,
  );
  const lines = is24
    ? `mail_path = %{owner_home}/Maildir\n  mail_index_private_path = ~/shared/%{owner_user}`
    : 'location = maildir:%%h/Maildir:INDEXPVT=~/shared/%%u';
  return `namespace shared${index} {
  type = shared
  separator = ${prefix.slice(-1)}
  prefix = ${written}
  ${lines}
  subscriptions = no
  list = children
}
`;
}
