import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { dovecotInstallation, MAIL_USER } from './dovecot-installation.ts';

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

/** Our fragment for the Dovecot that is installed, with the paths of a test: push.lua writes into that spool. */
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
    .replaceAll('user = vmail', `user = ${MAIL_USER}`);
  // 2.4 looks for the script of each block, in force or not.
  return `${recommended.replace(/^push_notification lua \{[^]*?^\}\n/m, '')}\n${inForce}`;
}

function fragment(): string {
  return readFileSync(`${EXAMPLES}/90-xapplepush-${dovecotInstallation().version}.conf`, 'utf8');
}

/** The OX driver, which asks for each user's consent in a dictionary, with this URL. */
export function oxFragment(url: string): string {
  if (dovecotInstallation().version === '2.4')
    return `mail_plugins {
  notify = yes
  push_notification = yes
}
push_notification ox {
  push_notification_ox_url = ${url}
}
mail_attribute {
  dict file {
    path = %{home}/dovecot-attributes
  }
}
`;
  return `mail_plugins = $mail_plugins notify push_notification
mail_attribute_dict = file:%h/dovecot-attributes
plugin {
  push_notification_driver = ox:url=${url}
}
`;
}

/** dovecot.conf: everybody has the password "secret" and mail below `dir`, all of it owned by one user. */
export function dovecotConf(layout: DovecotLayout, more: string): string {
  const { dir, imapsPort, lmtpPort } = layout;
  return `${dovecotInstallation().version === '2.4' ? accounts24(layout) : accounts23(layout)}
base_dir = ${dir}/run
state_dir = ${dir}/state
libexec_dir = ${dir}/libexec
log_path = ${dir}/dovecot.log
listen = 127.0.0.1
ssl = required
# Debian's mail user has the number 8.
first_valid_uid = 1
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

function accounts23({ dir }: DovecotLayout): string {
  return `protocols = imap lmtp
ssl_cert = <${dir}/cert.pem
ssl_key = <${dir}/key.pem
passdb {
  driver = static
  args = password=${PASSWORD}
}
userdb {
  driver = static
  args = uid=${MAIL_USER} gid=${MAIL_USER} home=${dir}/mail/%u
}
mail_location = maildir:~/Maildir`;
}

/** The first two lines must come first (https://doc.dovecot.org/2.4.1/core/summaries/settings.html). */
function accounts24({ dir }: DovecotLayout): string {
  return `dovecot_config_version = 2.4.1
dovecot_storage_version = 2.4.1
protocols {
  imap = yes
  lmtp = yes
}
ssl_server_cert_file = ${dir}/cert.pem
ssl_server_key_file = ${dir}/key.pem
passdb static {
  password = ${PASSWORD}
}
userdb static {
  fields {
    uid = ${MAIL_USER}
    gid = ${MAIL_USER}
    home = ${dir}/mail/%{user}
  }
}
mail_driver = maildir
mail_path = ~/Maildir`;
}
