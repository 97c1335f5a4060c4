import {
  type Credential,
  type Inspection,
  inspectCredentials,
  loadCredentials,
} from '../apns/credentials.ts';
import { daysLeft, expiryWarning } from '../apns/credential-expiry.ts';
import type { ApnsConfig } from '../config/config.ts';
import { OperatorError } from '../errors.ts';
import { countOf, timeText } from '../table.ts';
import { numbered, type Point, ok, problem, warning } from './point.ts';

export const CREDENTIAL = 'credential';

/** What there is to prove to Apple who we are. */
export interface Credentials {
  /** The main one first; undefined where one of them cannot be used. */
  usable?: Credential[];
  points: Point[];
  /** All files that they are read from, and those with a key or a passphrase. */
  files: string[];
  secretFiles: string[];
}

/** Reads all configured credentials and judges each. */
export function checkCredentials(apns: ApnsConfig, nowMs: number): Credentials {
  const inspections = inspectCredentials(apns, nowMs);
  const usable = loadedOr(apns, nowMs);
  return {
    ...(usable !== undefined && { usable }),
    points: inspections.flatMap((one, index) => judge(one, numbered(CREDENTIAL, index), usable, nowMs)),
    files: distinct(inspections.flatMap(({ files }) => files)),
    secretFiles: distinct(inspections.flatMap(({ secretFiles }) => secretFiles)),
  };
}

/** Undefined where sending is impossible, which the defects explain. */
function loadedOr(apns: ApnsConfig, nowMs: number): Credential[] | undefined {
  try {
    return loadCredentials(apns, nowMs);
  } catch (error) {
    if (error instanceof OperatorError) return undefined;
    throw error;
  }
}

function judge(
  { credential, defects }: Inspection,
  point: string,
  usable: readonly Credential[] | undefined,
  nowMs: number,
): Point[] {
  if (credential === undefined) {
    const judged = usable === undefined ? problem : warning; // the others are used without it
    return defects.map(({ message, hint }) => judged(point, message, hint));
  }
  const ending = expiryWarning(credential, nowMs);
  return [ending === undefined ? ok(point, described(credential, nowMs)) : warning(point, ending, RENEW)];
}

const RENEW = 'renew it now: Apple may take days, and under another topic every device has to register again';

function described({ topics, notAfterMs }: Credential, nowMs: number): string {
  const names = topics.join(', ');
  if (notAfterMs === undefined) return `a key for provider tokens, for ${names}`;
  return `for ${names}, until ${timeText(notAfterMs)}, ${countOf(daysLeft(notAfterMs, nowMs), 'day')} left`;
}

function distinct(files: readonly string[]): string[] {
  return [...new Set(files)];
}
