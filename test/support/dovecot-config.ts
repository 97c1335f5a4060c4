import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { MAIL_USER } from './dovecot-installation.ts';

/** Everything a test Dovecot needs to know before its configuration can be written. */
export interface DovecotLayout {
  /** Holds the mail, sockets, certificate and configuration. */
  dir: string;
  imapsPort: number;
  lmtpPort: number;
}

export const PASSWORD = 'secret';

/** Where the examples for Dovecot lie. */
export const EXAMPLES = fileURLToPath(new URL('../../examples/dovecot', import.meta.url));

/** Our fragment for Dovecot 2.3, with the paths of a test: push.lua writes into that spool. */
export function spoolFragment(script: string, spool: string): string {
  return fragment().replaceAll('/etc/dovecot/push.lua', script).replaceAll('/var/spool/xapplepush', spool);
}

/** The same with its alternative for push-exec.lua in force, which runs that command. */
export function commandFragment(script: string, command: string): string {
  const [recommended = '', alternative = ''] = fragment().split(/^# Instead.*\n#\n/m);
  const inForce = alternative
    .replace(/^# ?/gm, '')
    .replace('/etc/dovecot/push-exec.lua', script)
    .replace('/usr/bin/xapplepush', command)
    .replace('user = vmail', `user = ${MAIL_USER}`);
  return `${recommended}\n${inForce}`;
}

function fragment(): string {
  return readFileSync(`${EXAMPLES}/90-xapplepush-2.3.conf`, 'utf8');
}

/** dovecot.conf: everybody has the password "secret" and mail below `dir`, all of it owned by one user. */
export function dovecotConf({ dir, imapsPort, lmtpPort }: DovecotLayout, more: string): string {
  return `base_dir = ${dir}/run
state_dir = ${dir}/state
libexec_dir = ${dir}/libexec
log_path = ${dir}/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
ssl = required
ssl_cert = <${dir}/cert.pem
ssl_key = <${dir}/key.pem
# Debian's mail user has the number 8.
first_valid_uid = 1
passdb {
  driver = static
  args = password=${PASSWORD}
}
userdb {
  driver = static
  args = uid=${MAIL_USER} gid=${MAIL_USER} home=${dir}/mail/%u
}
mail_location = maildir:~/Maildir
namespace inbox {
  inbox = yes
  separator = /
}
recipient_delimiter = +
lmtp_save_to_detail_mailbox = yes
lda_mailbox_autocreate = yes
postmaster_address = postmaster@example.org
service imap-login {
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = ${imapsPort}
    ssl = yes
  }
}
service lmtp {
  inet_listener lmtp {
    port = ${lmtpPort}
  }
}
${more}`;
}
