import type * as v from 'valibot';
import { quoted } from '../events/fields.ts';
import type { Subscription } from '../targets/target.ts';
import type { WholeTarget } from '../targets/record.ts';
import type { Fault } from '../targets/precedence.ts';
import { check } from './checking.ts';
import { instantText } from './instant.ts';
import { TARGET, type TargetWire } from './target-wire.ts';
import { safeJson } from '../process/safe-json.ts';

/** The first line of an export says what the others are. */
const FORMAT = 'targets';
const VERSION = 1;

/** What this program reads. */
export const EXPECTED_HEADER = `${FORMAT} of version ${VERSION}`;

export const HEADER_LINE = `${JSON.stringify({ xapplepush: FORMAT, version: VERSION })}\n`;

/** The line of one target, complete and always the same for the same target. */
export function targetLine(target: WholeTarget): string {
  const time = (ms: number | null): string | null => (ms === null ? null : instantText(ms));
  const wire: TargetWire = {
    user: target.user,
    deviceToken: target.deviceToken,
    accountId: target.accountId,
    subtopic: target.subtopic,
    apsVersion: target.apsVersion,
    topic: target.topic,
    source: target.source,
    registered: instantText(target.registeredMs),
    renewed: instantText(target.renewedMs),
    lastPush: time(target.lastPushMs),
    lastSuccess: time(target.lastSuccessMs),
    lastError: target.lastError,
    lastErrorAt: time(target.lastErrorMs),
    failures: target.failures,
    failingSince: time(target.failingSinceMs),
    disabled: time(target.disabledMs),
    subscriptions: target.subscriptions.map(subscriptionWire),
  };
  return `${safeJson(wire)}\n`;
}

function subscriptionWire({ owner, path, name, hash }: Subscription): TargetWire['subscriptions'][number] {
  return { owner, path, name, hash: hash ?? null };
}

export type TargetLine =
  | { target: WholeTarget }
  | 'header'
  /** A header that says that the lines after it are something else. */
  | { foreign: string }
  | { fault: Fault };

/** Reads the value of a line: a target, a header, or why it is neither. Inverse of `targetLine`. */
export function readTargetLine(value: unknown): TargetLine {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { fault: { reason: 'not an object' } };
  if ('xapplepush' in value) return readHeader(value);
  const checked = check(TARGET, value);
  return 'fault' in checked ? checked : { target: targetOf(checked.value) };
}

function readHeader(value: object): TargetLine {
  const { xapplepush, version } = value as Record<string, unknown>;
  if (xapplepush === FORMAT && version === VERSION) return 'header';
  return { foreign: `${shown(xapplepush)} of version ${shown(version)}` };
}

/** What is not text or a number may be anything, and any depth. */
function shown(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? quoted(String(value)) : 'something else';
}

function targetOf(wire: v.InferOutput<typeof TARGET>): WholeTarget {
  const { registered, renewed, lastPush, lastSuccess, lastErrorAt, failingSince, disabled, ...same } = wire;
  return {
    ...same,
    registeredMs: registered,
    renewedMs: renewed,
    lastPushMs: lastPush,
    lastSuccessMs: lastSuccess,
    lastErrorMs: lastErrorAt,
    failingSinceMs: failingSince,
    disabledMs: disabled,
  };
}
