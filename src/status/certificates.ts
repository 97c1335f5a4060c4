import { expiryWarning, inspectCredentials } from '../apns/credentials/credentials.ts';
import { daysLeft } from '../apns/credentials/expiry.ts';
import { readCredentials, troubleError } from '../apns/credentials/watch.ts';
import type { Config } from '../config/config.ts';

export interface Certificate {
  /** '' where none is known. */
  topic: string;
  /** Undefined for a token, which has no end, and for what cannot be read. */
  endsMs: number | undefined;
  daysLeft: number | undefined;
  /** That it ends soon. */
  warning: string | undefined;
  problems: string[];
}

/** A credential that cannot be used is part of the answer, not the end of it. */
export function certificatesOf({ apns }: Config, nowMs: number): Certificate[] {
  return inspectCredentials(apns, nowMs).map(({ credential, topic, defects }) => {
    const endsMs = credential?.notAfterMs;
    return {
      topic: topic ?? '',
      endsMs,
      daysLeft: endsMs === undefined ? undefined : daysLeft(endsMs, nowMs),
      warning: credential === undefined ? undefined : expiryWarning(credential, nowMs),
      problems: defects.map(({ message }) => message),
    };
  });
}

/** The main credential is the one that devices are told of now: without it, or without any, it does not work. */
export function credentialTrouble(
  { apns }: Config,
  nowMs: number,
): { text: string; fix: string } | undefined {
  const credentials = readCredentials(apns, nowMs);
  if (credentials.inspections[0]?.credential !== undefined && credentials.roots !== undefined)
    return undefined;
  const { message, hint } = troubleError(credentials);
  return { text: message.replaceAll('\n', '; '), fix: hint.replaceAll('\n', '; ') };
}
