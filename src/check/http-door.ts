import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ServeConfig, TlsConfig } from '../config/config.ts';
import { isLoopback, placeOf } from '../doors/http-address.ts';
import { readTls } from '../doors/http-tls.ts';
import { messageOf, OperatorError } from '../process/errors.ts';
import { MAIL_USER } from './mail-user.ts';
import { ok, type Point, problem, skipped, warning } from './point.ts';

export const HTTP_DOOR = 'HTTP door';

const DAY_MS = 86_400_000;

/** Let's Encrypt and its clients renew thirty days before the end. */
const SOON_DAYS = 14;

export interface HttpDoorJudging {
  nowMs: number;
  /** Whether what the user of this check may read says something of the mail server. */
  isForUs: (path: string) => boolean;
}

/**
 * Whether others on the way can read what is said there, whether its certificate holds, and whether anybody can see the
 * status page; none where it is shut.
 */
export function checkHttpDoor(serve: ServeConfig, judging: HttpDoorJudging): Point[] {
  return [...checkSecrecyOnTheWay(serve, judging), ...checkStatusPage(serve)];
}

function checkSecrecyOnTheWay(
  { http, httpPasswordFile, tls }: ServeConfig,
  { nowMs, isForUs }: HttpDoorJudging,
): Point[] {
  if (http === undefined) return [];
  if (tls !== undefined) {
    const isOurs = isForUs(tls.certificate) && isForUs(tls.key);
    return [isOurs ? checkTls(http, tls, nowMs) : skipped(HTTP_DOOR, MAIL_USER)];
  }
  if (httpPasswordFile === undefined || !isBeyondThisMachine(http)) return [];
  return [
    warning(
      HTTP_DOOR,
      `at ${http} clients give their password without TLS`,
      'set serve.tls, or listen on the loopback behind a server that has TLS (docs/serve.md)',
    ),
  ];
}

function checkStatusPage({ http, httpPasswordFile, status }: ServeConfig): Point[] {
  if (!status || httpPasswordFile !== undefined || http?.startsWith('unix:') === true) return [];
  const why = http === undefined ? 'serve.http opens no door for it' : `at ${http} it needs a password`;
  return [
    warning(
      HTTP_DOOR,
      `serve.status shows its page to nobody: ${why}`,
      'set serve.http_password_file for a serve.http, or let that be a Unix socket',
    ),
  ];
}

/** What is no address at all is told by the configuration, or by serve. */
function isBeyondThisMachine(http: string): boolean {
  const place = placeOf(http, true);
  return 'host' in place && !isLoopback(place.host);
}

function checkTls(http: string, tls: TlsConfig, nowMs: number): Point {
  try {
    readTls(tls);
    const { validTo } = new X509Certificate(readFileSync(tls.certificate));
    return judgeEnd(http, tls.certificate, Date.parse(validTo), nowMs);
  } catch (error) {
    return problem(HTTP_DOOR, messageOf(error), error instanceof OperatorError ? error.hint : '');
  }
}

function judgeEnd(http: string, file: string, endMs: number, nowMs: number): Point {
  const end = new Date(endMs).toISOString().slice(0, 10);
  const fix = 'renew it: serve takes the new one within seconds';
  if (endMs <= nowMs) return problem(HTTP_DOOR, `${file} for ${http} has ended on ${end}`, fix);
  if (endMs <= nowMs + SOON_DAYS * DAY_MS)
    return warning(HTTP_DOOR, `${file} for ${http} ends on ${end}`, fix);
  return ok(HTTP_DOOR, `${http} has TLS; its certificate is good until ${end}`);
}
