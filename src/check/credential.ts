import { readCredentials, usableOf } from '../apns/credentials/watch.ts';
import { type Credential, type Inspection, inspectCredentials } from '../apns/credentials/credentials.ts';
import { kindsOf } from '../apns/credentials/mail-topics.ts';
import { daysLeft, expiryWarning } from '../apns/credentials/expiry.ts';
import type { ApnsConfig } from '../config/config.ts';
import { countOf, timeText } from '../process/text.ts';
import { numbered, type Point, ok, problem, warning } from './point.ts';

export const CREDENTIAL = 'credential';

/** What there is to prove to Apple who we are. */
export interface Credentials {
  /** Those that can be used; undefined where the main one cannot. */
  usable?: Credential[];
  points: Point[];
  /** All files that they are read from, and those with a key or a passphrase. */
  files: string[];
  secretFiles: string[];
  /** From when to when the certificates are good. */
  periods: Period[];
}

export interface Period {
  notBeforeMs: number;
  notAfterMs: number;
}

/** Reads all configured credentials and judges each. */
export function checkCredentials(apns: ApnsConfig, nowMs: number): Credentials {
  const inspections = inspectCredentials(apns, nowMs);
  const [main] = inspections;
  // Whatever apns.ca is like: the steps to Apple say what is wrong with that.
  const usable =
    main?.credential === undefined ? undefined : usableOf({ ...readCredentials(apns, nowMs), roots: {} });
  return {
    ...(usable !== undefined && { usable }),
    points: inspections.flatMap((one, index) => judge(one, index, usable, nowMs)),
    files: distinct(inspections.flatMap(({ files }) => files)),
    secretFiles: distinct(inspections.flatMap(({ secretFiles }) => secretFiles)),
    periods: inspections.flatMap((one) => (one.kind === 'certificate' ? (one.identity?.facts ?? []) : [])),
  };
}

function judge(
  { credential, defects }: Inspection,
  index: number,
  usable: readonly Credential[] | undefined,
  nowMs: number,
): Point[] {
  const point = numbered(CREDENTIAL, index);
  if (credential === undefined) {
    const judged = usable === undefined ? problem : warning; // the others are used without it
    return defects.map(({ message, hint }) => judged(point, message, hint));
  }
  const ending = expiryWarning(credential, nowMs);
  return [ending === undefined ? ok(point, described(credential, nowMs)) : warning(point, ending, RENEW)];
}

const RENEW = 'renew it now: Apple may take days, and under another topic every device has to register again';

function described({ topics, notAfterMs }: Credential, nowMs: number): string {
  const others = kindsOf(topics).filter((kind) => kind !== 'mail');
  const names = [topics.join(', '), ...(others.length > 0 ? [`(${others.join(', ')})`] : [])].join(' ');
  if (notAfterMs === undefined) return `a key for provider tokens, for ${names}`;
  return `for ${names}, until ${timeText(notAfterMs)}, ${countOf(daysLeft(notAfterMs, nowMs), 'day')} left`;
}

function distinct(files: readonly string[]): string[] {
  return [...new Set(files)];
}
