import { execFileSync } from 'node:child_process';
import { ADMIN, type ImapdOptions, inboxAsAdmin, sasldbPath, saslRealms, splitUser } from './cyrus-config.ts';
import type { CyrusInstallation } from './cyrus-installation.ts';
import { type ImapEndpoint, loginImap, quoted } from './imap.ts';

export const PASSWORD = 'secret';

/** Writes the password of the admin and of every user to the sasldb of the server. */
export function createPasswords(
  dir: string,
  tools: CyrusInstallation,
  users: string[],
  options: ImapdOptions,
): void {
  for (const user of [ADMIN, ...users]) {
    for (const realm of saslRealms(user, options)) {
      const args = ['-p', '-c', '-f', sasldbPath(dir), '-u', realm, splitUser(user).name];
      execFileSync(tools.saslpasswd2, args, { input: PASSWORD, stdio: ['pipe', 'ignore', 'pipe'] });
    }
  }
}

/** Creates the INBOX of every user, over IMAP as the admin. */
export async function createInboxes(
  endpoint: ImapEndpoint,
  users: string[],
  options: ImapdOptions,
): Promise<void> {
  const admin = await loginImap(endpoint, ADMIN, PASSWORD);
  try {
    for (const user of users) {
      const { status, text } = await admin.command(`CREATE ${quoted(inboxAsAdmin(user, options))}`);
      if (status !== 'OK') throw new Error(`CREATE of the INBOX of ${user}: ${status} ${text}`);
    }
  } finally {
    await admin.close();
  }
}
