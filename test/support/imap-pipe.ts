import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { chown } from 'node:fs/promises';
import { join } from 'node:path';
import { dovecotInstallation } from './dovecot-installation.ts';
import { pluginFolder } from './dovecot-plugin.ts';

/** Dovecot's imap without a server around it: it reads commands from a pipe, logged in as alice from the start. */
export interface ImapPipe {
  dir: string;
  /** What it answers to these bytes until it ends; what it says on standard error, its log among it. `changes` are to its environment. */
  run(
    input: Buffer | string,
    changes?: Record<string, string>,
  ): Promise<{ output: string; log: string; code: number | null }>;
}

/** With this plugin loaded, and these variables in its environment. */
export async function createImapPipe(
  dir: string,
  plugin: string,
  environment: Record<string, string>,
): Promise<ImapPipe> {
  const { uid, gid, libexec, version } = dovecotInstallation();
  const home = join(dir, 'home');
  mkdirSync(home);
  await chown(home, uid, gid);
  const conf = join(dir, 'dovecot.conf');
  writeFileSync(conf, configuration(version, dir, pluginFolder(join(dir, 'modules'), plugin)));
  const env = { ...environment, USER: 'alice', HOME: home };
  const program = join(libexec.at(-1) ?? '', 'imap');
  return {
    dir,
    run: (input, changes) =>
      new Promise((resolve, reject) => {
        const own = { ...env, ...changes };
        const child = spawn(program, ['-c', conf], {
          ...{ uid, gid, cwd: home, env: { ...own, DOVECOT_PRESERVE_ENVS: Object.keys(own).join(' ') } },
        });
        const [output, log]: [Buffer[], Buffer[]] = [[], []];
        child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
        child.stderr.on('data', (chunk: Buffer) => log.push(chunk));
        child.on('error', reject);
        child.on('close', (code) => {
          resolve({ output: Buffer.concat(output).toString(), log: Buffer.concat(log).toString(), code });
        });
        child.stdin.on('error', () => undefined); // it may end before it has read everything
        child.stdin.end(input);
      }),
  };
}

function configuration(version: string, dir: string, modules: string): string {
  const is24 = version === '2.4';
  const plugins = is24 ? 'mail_plugins {\n    imap_xapplepush = yes\n  }' : 'mail_plugins = imap_xapplepush';
  return `${is24 ? 'dovecot_config_version = 2.4.1\ndovecot_storage_version = 2.4.1\n' : ''}base_dir = ${dir}/run
mail_plugin_dir = ${modules}
${is24 ? `mail_driver = maildir\nmail_path = ~/Maildir\nmail_home = ${dir}/home` : 'mail_location = maildir:~/Maildir'}
first_valid_uid = 1
ssl = no
log_path = /dev/stderr
namespace inbox {
  inbox = yes
  separator = /
  mailbox Drafts {
    auto = create
    special_use = \\Drafts
  }
}
namespace public {
  type = public
  separator = /
  prefix = Public/
  ${is24 ? 'mail_path = ~/Public' : 'location = maildir:~/Public'}
  subscriptions = no
}
protocol imap {
  ${plugins}
}
`;
}
