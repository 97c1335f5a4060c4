import { redactAccountId, redactToken } from '../process/redact.ts';
import { timeText } from '../process/text.ts';
import type { Layout } from '../terminal/layout.ts';
import { kindOf } from '../targets/kind.ts';
import type { Target } from '../targets/record.ts';

export const HEADINGS = [
  'USER',
  'DEVICE TOKEN',
  'ACCOUNT ID',
  'REGISTERED',
  'RENEWED',
  'LAST SUCCESS',
  'LAST ERROR',
] as const;

export function rowOf(target: Target, { time }: Layout): string[] {
  return [
    ...identityOf(target),
    time(target.registeredMs),
    time(target.renewedMs),
    time(target.lastSuccessMs),
    `${target.disabledMs === null ? '' : 'disabled: '}${errorOf(target)}`,
  ];
}

/** Where one looks for trouble: as wide, and with the times that matter then. */
export const TROUBLE_HEADINGS = [
  'USER',
  'DEVICE TOKEN',
  'ACCOUNT ID',
  'RENEWED',
  'FAILING SINCE',
  'DISABLED',
  'LAST ERROR',
] as const;

export function troubleRowOf(target: Target, { time }: Layout): string[] {
  return [
    ...identityOf(target),
    time(target.renewedMs),
    target.failingSinceMs === null ? '' : time(target.failingSinceMs),
    target.disabledMs === null ? '' : time(target.disabledMs),
    errorOf(target),
  ];
}

/** What is not of Mail says so beside the key that it has instead of an account. */
function identityOf(target: Target): string[] {
  const { user, deviceToken, accountId } = target;
  const kind = kindOf(target);
  const account = redactAccountId(accountId);
  return [user, redactToken(deviceToken), kind === 'mail' ? account : `${kind} ${account}`];
}

function errorOf({ failures, lastError }: Target): string {
  return failures > 0 ? `${lastError ?? ''} (${failures} in a row)` : '';
}

/** A target for `--json`. */
export type ShownTarget = Record<string, string | number | null>;

/** Ids redacted, times in ISO 8601. */
export function shown(target: Target): ShownTarget {
  const time = (ms: number | null): string | null => (ms === null ? null : timeText(ms));
  return {
    user: target.user,
    deviceToken: redactToken(target.deviceToken),
    accountId: redactAccountId(target.accountId),
    kind: kindOf(target),
    subtopic: target.subtopic,
    apsVersion: target.apsVersion,
    topic: target.topic,
    source: target.source,
    registered: time(target.registeredMs),
    renewed: time(target.renewedMs),
    lastPush: time(target.lastPushMs),
    lastSuccess: time(target.lastSuccessMs),
    lastError: target.lastError,
    lastErrorAt: time(target.lastErrorMs),
    failures: target.failures,
    failingSince: time(target.failingSinceMs),
    disabled: time(target.disabledMs),
    expires: time(target.expiresMs ?? null),
  };
}
