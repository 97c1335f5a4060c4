import { execFileSync } from 'node:child_process';
import { USUAL_PATH } from '../process/mail-user.ts';
import { type Point, ok, warning } from './point.ts';

export const CYRUS_VERSION = 'Cyrus version';

const CVE = 'CVE-2026-47081';
const FIXED = '3.8.7, 3.10.3, 3.12.3 and Debian 3.6.1-4+deb12u5';

/** The first patch level with the fix, by the minor version of 3; from 3.14 on every release has it. */
const FIRST_FIXED: Readonly<Record<number, number>> = { 8: 7, 10: 3, 12: 3 };
const FIRST_MINOR_BORN_FIXED = 14;
const LAST_MINOR_WITHOUT_RELEASE = 7;

/** The update of 3.6.1-4 in Debian 12 that has the fix. */
const DEBIAN_12 = /^3\.6\.1-4(?:\+deb12u(\d+))?$/;
const FIXED_DEBIAN_12_UPDATE = 5;

/** A distribution's update of a release, which may have the fix without the release's number. */
const UPDATED = /\+deb\d+u\d+|ubuntu|~/;

/**
 * Whether this version, of a release or of a package of Debian, has the fix of CVE-2026-47081. Pure; what cannot be
 * known is `unknown`.
 */
export function hasRegistrationFix(version: string): 'fixed' | 'unfixed' | 'unknown' {
  const debian12 = DEBIAN_12.exec(version);
  if (debian12 !== null) return Number(debian12[1] ?? 0) >= FIXED_DEBIAN_12_UPDATE ? 'fixed' : 'unfixed';
  const numbers = /^(?:\d+:)?(\d+)\.(\d+)\.(\d+)(?![~\d])/.exec(version);
  if (numbers === null) return 'unknown';
  const [major = 0, minor = 0, patch = 0] = numbers.slice(1).map(Number);
  const release = releaseHasFix(major, minor, patch);
  return release === 'unfixed' && UPDATED.test(version) ? 'unknown' : release;
}

/** What the number of a release tells by itself. */
function releaseHasFix(major: number, minor: number, patch: number): 'fixed' | 'unfixed' | 'unknown' {
  if (major !== 3) return major > 3 ? 'fixed' : 'unknown';
  if (minor >= FIRST_MINOR_BORN_FIXED) return 'fixed';
  const first = FIRST_FIXED[minor];
  if (first !== undefined) return patch >= first ? 'fixed' : 'unfixed';
  return minor <= LAST_MINOR_WITHOUT_RELEASE ? 'unfixed' : 'unknown';
}

/** Where devices may register for mailboxes of others, Cyrus must keep strangers out. `find` gives its version. */
export function checkCyrusVersion(sharedMailboxes: boolean, find: () => string | undefined): Point {
  if (!sharedMailboxes) return ok(CYRUS_VERSION, 'not asked for: targets.shared_mailboxes is off');
  const version = find();
  const fix = version === undefined ? 'unknown' : hasRegistrationFix(version);
  if (fix === 'fixed') return ok(CYRUS_VERSION, `${version}, which has the fix of ${CVE}`);
  if (fix === 'unknown')
    return ok(
      CYRUS_VERSION,
      `${version ?? 'unknown'}; ${CVE} is fixed in ${FIXED}: see that yours has the fix`,
    );
  return warning(
    CYRUS_VERSION,
    `${version} has ${CVE}: it accepts registrations for mailboxes that the user may not read`,
    `install a Cyrus with the fix (${FIXED}), or set targets.shared_mailboxes to false`,
  );
}

/** Where imapd is, in Debian and Ubuntu. */
const PACKAGES = ['cyrus-imapd', 'cyrus-common'];

/** The version of the installed package; undefined where there is no dpkg, or Cyrus came another way. */
export function packagedCyrus(path = `${process.env['PATH'] ?? ''}:${USUAL_PATH}`): string | undefined {
  for (const name of PACKAGES) {
    const found = dpkgVersion(name, path);
    if (found !== undefined) return found;
  }
  return undefined;
}

function dpkgVersion(name: string, path: string): string | undefined {
  const format = '${db:Status-Status} ${Version}';
  try {
    const options = { encoding: 'utf8', env: { PATH: path }, stdio: 'pipe' } as const;
    const text = execFileSync('dpkg-query', ['-W', `-f=${format}`, name], options);
    return /^installed (\S+)$/.exec(text.trim())?.[1];
  } catch {
    return undefined; // not a package here: the version is told to be unknown
  }
}
