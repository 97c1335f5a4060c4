import * as v from 'valibot';
import { ExitCode, OperatorError } from '../process/errors.ts';
import { quoted } from '../events/fields.ts';
import type { Subscription } from '../targets/subscription.ts';
import type { WholeTarget } from '../targets/record.ts';
import type { Fault } from '../targets/precedence.ts';
import { check, jsonIn, TEXT, TIME } from './checking.ts';
import type { Item } from './claim.ts';
import { instantText } from './instant.ts';
import type { Line } from './text-lines.ts';
import { safeJson } from '../process/safe-json.ts';

const NAME = v.pipe(TEXT, v.nonEmpty(), v.description(`${v.getDescription(TEXT)}, not empty`));

const SUBSCRIPTION = v.strictObject({
  owner: TEXT,
  path: NAME,
  name: NAME,
  hash: v.pipe(
    v.nullable(v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/))),
    v.transform((hash) => hash ?? undefined),
  ),
});

/** A target as it stands in a line of an export. Times are ISO 8601 with milliseconds. */
const TARGET = v.strictObject({
  user: NAME,
  deviceToken: TEXT,
  accountId: TEXT,
  subtopic: TEXT,
  apsVersion: v.pipe(v.number(), v.safeInteger(), v.description('an integer')),
  topic: TEXT,
  source: v.pipe(
    v.picklist(['cyrus', 'dovecot', 'dovecot-plugin', 'xaps', 'http', 'other']),
    v.description('cyrus, dovecot-plugin, xaps, http or other'),
  ),
  registered: TIME,
  renewed: TIME,
  lastPush: orNull(TIME),
  lastSuccess: orNull(TIME),
  lastError: orNull(TEXT),
  lastErrorAt: orNull(TIME),
  failures: v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.description('an integer, 0 or more')),
  failingSince: orNull(TIME),
  disabled: orNull(TIME),
  expires: v.optional(TIME), // of calendars and address books alone
  subscriptions: v.pipe(
    v.array(SUBSCRIPTION),
    v.description('a list of objects with owner, path, name and hash'),
  ),
});

type TargetWire = v.InferInput<typeof TARGET>;

function orNull<S extends v.GenericSchema>(schema: S) {
  return v.pipe(v.nullable(schema), v.description(`${v.getDescription(schema)}, or null`));
}

/** The first line of an export says what the others are. */
const FORMAT = 'targets';
const VERSION = 1;

/** What this program reads. */
const EXPECTED_HEADER = `${FORMAT} of version ${VERSION}`;

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
    ...(typeof target.expiresMs === 'number' && { expires: instantText(target.expiresMs) }),
    subscriptions: target.subscriptions.map(subscriptionWire),
  };
  return `${safeJson(wire)}\n`;
}

function subscriptionWire({ owner, path, name, hash }: Subscription): TargetWire['subscriptions'][number] {
  return { owner, path, name, hash: hash ?? null };
}

/** The targets of an export, or of several one after the other. Throws OperatorError (exit 65) at another header. */
export function* targetItems(lines: Iterable<Line>): Generator<Item> {
  for (const line of lines) {
    if ('text' in line && line.text.trim() === '') continue;
    const { place } = line;
    const read = 'fault' in line ? line : readText(line.text);
    if (read === 'header') continue;
    if ('foreign' in read) throw foreign(place, read.foreign);
    if ('fault' in read) yield { place, fault: read.fault };
    else yield { place, user: read.target.user, claim: { kind: 'exported', ...read.target } };
  }
}

function readText(text: string): TargetLine {
  const value = jsonIn(text);
  return value === undefined ? { fault: { reason: 'not JSON' } } : readTargetLine(value);
}

function foreign(place: number, what: string): OperatorError {
  return new OperatorError(`line ${place} announces ${what}, expected ${EXPECTED_HEADER}`, {
    exitCode: ExitCode.badInput,
    hint: 'install the xapplepush that wrote it, or a newer one',
  });
}

type TargetLine =
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
  const {
    registered,
    renewed,
    lastPush,
    lastSuccess,
    lastErrorAt,
    failingSince,
    disabled,
    expires,
    ...same
  } = wire;
  return {
    ...same,
    registeredMs: registered,
    renewedMs: renewed,
    lastPushMs: lastPush,
    lastSuccessMs: lastSuccess,
    lastErrorMs: lastErrorAt,
    failingSinceMs: failingSince,
    disabledMs: disabled,
    ...(expires !== undefined && { expiresMs: expires }),
  };
}
