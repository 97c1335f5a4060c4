import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { idOf, tool } from './cyrus-installation.ts';
import type { Availability } from './needs.ts';

/** The parts of the machine that a test Dovecot is made of. */
export interface DovecotInstallation {
  version: DovecotVersion;
  dovecot: string;
  /** Folders of the programs that master starts; those of imapd may lie apart. */
  libexec: string[];
  openssl: string;
  /** timeout(1) of coreutils. */
  timeout: string;
  /** The user whose mail it is. */
  uid: number;
  gid: number;
}

/** Owns the mail and the spool in the tests; Debian has it on every machine. */
export const MAIL_USER = 'mail';

const LIBEXEC = '/usr/lib/dovecot';
const LUA_PLUGIN = `${LIBEXEC}/modules/lib22_push_notification_lua_plugin.so`;
const INSTALL = 'apt-get install -y --no-install-recommends dovecot-core dovecot-lmtpd openssl';
const DOWNLOAD_TIMEOUT_MS = 120_000;

/** Whether tests can run a real Dovecot here; if not, the reason and the command that fixes it. */
export function dovecotAvailability(): Availability {
  const found = findDovecot();
  return 'why' in found
    ? { available: false, why: found.why, install: `${INSTALL} && npm test` }
    : { available: true };
}

/** The installation, or an error with the reason why there is none. */
export function dovecotInstallation(): DovecotInstallation {
  const found = findDovecot();
  if ('why' in found) throw new Error(`${found.why} (${INSTALL})`);
  return found;
}

function findDovecot(): DovecotInstallation | { why: string } {
  if (process.getuid?.() !== 0) return { why: 'these tests start Dovecot as root, and do not run as root' };
  const [dovecot, openssl, timeout] = [tool('dovecot'), tool('openssl'), tool('timeout')];
  if (dovecot === undefined || !existsSync(`${LIBEXEC}/lmtp`)) return { why: 'no Dovecot with LMTP' };
  const version = versionOf(dovecot);
  if (version === undefined) return { why: 'the configurations of these tests are for Dovecot 2.3 and 2.4' };
  if (!existsSync(LUA_PLUGIN)) return { why: `this Dovecot has no ${LUA_PLUGIN}` };
  if (openssl === undefined) return { why: 'openssl is not installed' };
  if (timeout === undefined) return { why: 'timeout (coreutils) is not installed' };
  const [uid, gid] = [idOf('-u', MAIL_USER), idOf('-g', MAIL_USER)];
  if (uid === undefined || gid === undefined) return { why: `there is no user ${MAIL_USER}` };
  const imap = imapPrograms();
  if ('why' in imap) return imap;
  return { version, dovecot, libexec: [LIBEXEC, imap.folder], openssl, timeout, uid, gid };
}

/** Each has a form of configuration of its own. */
const VERSIONS = ['2.3', '2.4'] as const;
export type DovecotVersion = (typeof VERSIONS)[number];

function versionOf(dovecot: string): DovecotVersion | undefined {
  const text = execFileSync(dovecot, ['--version'], { encoding: 'utf8', stdio: 'pipe' });
  return VERSIONS.find((version) => text.startsWith(`${version}.`));
}

/**
 * dovecot-imapd conflicts with cyrus-imapd, so apt cannot install both. Where it is missing, its package is
 * downloaded and unpacked once, into a folder below XAPPLEPUSH_DOVECOT_DIR or the temporary folder.
 */
function imapPrograms(): { folder: string } | { why: string } {
  if (existsSync(`${LIBEXEC}/imap`)) return { folder: LIBEXEC };
  const version = installedVersion();
  if (version === undefined) return { why: 'Dovecot has no imapd, and is not from a Debian package' };
  const cache = join(
    process.env['XAPPLEPUSH_DOVECOT_DIR'] ?? tmpdir(),
    `xapplepush-dovecot-imapd-${version}`,
  );
  try {
    if (!existsSync(cache)) unpackImapd(version, cache);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { why: `cannot download dovecot-imapd: ${reason}` };
  }
  const { uid, mode } = lstatSync(cache);
  // Its programs are run as root: in a temporary folder, anybody may have put it there.
  if (uid !== 0 || (mode & 0o022) !== 0) return { why: `${cache} can be written by others than root` };
  return { folder: join(cache, LIBEXEC) };
}

function installedVersion(): string | undefined {
  try {
    const format = '--showformat=${Version}';
    return execFileSync('dpkg-query', ['--show', format, 'dovecot-core'], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
  } catch {
    // dpkg-query exits 1 for a package that it does not know.
    return undefined;
  }
}

function unpackImapd(version: string, cache: string): void {
  mkdirSync(dirname(cache), { recursive: true });
  const draft = mkdtempSync(`${cache}.`);
  try {
    const options = { cwd: draft, timeout: DOWNLOAD_TIMEOUT_MS, stdio: 'pipe' } as const;
    execFileSync('apt-get', ['download', '--quiet', `dovecot-imapd=${version}`], options);
    const [archive = ''] = readdirSync(draft);
    execFileSync('dpkg', ['--extract', archive, 'root'], options);
    // Where another test run was quicker, its folder stays.
    if (!existsSync(cache)) renameSync(join(draft, 'root'), cache);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}
