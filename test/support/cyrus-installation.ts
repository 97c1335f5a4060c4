import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Availability } from './needs.ts';

/** The parts of the machine that a test Cyrus is made of. */
export interface CyrusInstallation {
  /** Directory of master, imapd, lmtpd, notifyd and httpd. */
  bin: string;
  /** The user that master drops to. */
  uid: number;
  gid: number;
  saslpasswd2: string;
  openssl: string;
  /** timeout(1) of coreutils. */
  timeout: string;
}

const INSTALL = 'apt-get install -y --no-install-recommends cyrus-imapd cyrus-caldav sasl2-bin openssl';

/** Where Debian, Fedora, Arch and a build from source put the Cyrus programs. */
const CYRUS_DIRECTORIES = [
  '/usr/lib/cyrus/bin',
  '/usr/libexec/cyrus-imapd',
  '/usr/lib/cyrus',
  '/usr/cyrus/libexec',
];
const TOOL_DIRECTORIES = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/sbin', '/usr/local/bin'];
const SERVER_PROGRAMS = ['master', 'imapd', 'lmtpd', 'notifyd', 'httpd', 'ctl_cyrusdb'];

/** Whether tests can run a real Cyrus here; if not, the reason and the command that fixes it. */
export function cyrusAvailability(): Availability {
  const found = findCyrus();
  return 'why' in found
    ? { available: false, why: found.why, install: `${INSTALL} && npm test` }
    : { available: true };
}

/** The installation, or an error with the reason why there is none. */
export function cyrusInstallation(): CyrusInstallation {
  const found = findCyrus();
  if ('why' in found) throw new Error(`${found.why} (${INSTALL})`);
  return found;
}

function findCyrus(): CyrusInstallation | { why: string } {
  if (process.getuid?.() !== 0)
    return { why: 'Cyrus master must be started by root, and these tests do not run as root' };
  const bin = CYRUS_DIRECTORIES.find(hasServer);
  if (bin === undefined) return { why: `no Cyrus IMAP in ${CYRUS_DIRECTORIES.join(', ')}` };
  const [saslpasswd2, openssl, timeout] = [tool('saslpasswd2'), tool('openssl'), tool('timeout')];
  if (saslpasswd2 === undefined) return { why: 'saslpasswd2 is not installed' };
  if (openssl === undefined) return { why: 'openssl is not installed' };
  if (timeout === undefined) return { why: 'timeout (coreutils) is not installed' };
  const [uid, gid] = [idOf('-u', 'cyrus'), idOf('-g', 'cyrus')];
  if (uid === undefined || gid === undefined) return { why: 'there is no user cyrus' };
  return { bin, uid, gid, saslpasswd2, openssl, timeout };
}

function hasServer(directory: string): boolean {
  return SERVER_PROGRAMS.every((program) => existsSync(`${directory}/${program}`));
}

/** The path of a program, wherever distributions put it. */
export function tool(name: string): string | undefined {
  return TOOL_DIRECTORIES.map((directory) => `${directory}/${name}`).find((path) => existsSync(path));
}

/** The number of a user (-u) or its group (-g); undefined where there is no such user. */
export function idOf(flag: '-u' | '-g', user: string): number | undefined {
  try {
    return Number(
      execFileSync('id', [flag, user], { stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' }),
    );
  } catch {
    // id(1) exits 1 for a user that does not exist.
    return undefined;
  }
}
