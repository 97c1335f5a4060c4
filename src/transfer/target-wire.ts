import { expected, quoted } from '../events/fields.ts';
import type { EventSource } from '../events/mail-event.ts';
import { isStorableText } from '../mailboxes/storable-text.ts';
import type { Fault } from '../targets/precedence.ts';
import { instantOf } from './instant.ts';

/** A target as it stands in a line of an export. Times are ISO 8601 with milliseconds. */
export interface TargetWire {
  user: string;
  deviceToken: string;
  accountId: string;
  subtopic: string;
  apsVersion: number;
  topic: string;
  source: EventSource;
  registered: string;
  renewed: string;
  lastPush: string | null;
  lastSuccess: string | null;
  lastError: string | null;
  lastErrorAt: string | null;
  failures: number;
  failingSince: string | null;
  disabled: string | null;
  subscriptions: SubscriptionWire[];
}

export interface SubscriptionWire {
  owner: string;
  path: string;
  name: string;
  hash: string | null;
}

interface Kind {
  what: string;
  holds: (value: unknown) => boolean;
}

const TEXT: Kind = {
  what: 'text without NUL characters and halves of surrogate pairs',
  holds: (value) => typeof value === 'string' && isStorableText(value),
};
const NAME: Kind = { what: `${TEXT.what}, not empty`, holds: (value) => TEXT.holds(value) && value !== '' };
const INTEGER: Kind = { what: 'an integer', holds: Number.isSafeInteger };
const COUNT: Kind = {
  what: 'an integer, 0 or more',
  holds: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
};
const TIME: Kind = {
  what: 'a time such as 2026-01-31T12:00:00.000Z',
  holds: (value) => typeof value === 'string' && instantOf(value) !== undefined,
};
const SOURCE: Kind = {
  what: 'cyrus, dovecot or xaps',
  holds: (value) => value === 'cyrus' || value === 'dovecot' || value === 'xaps',
};
const MD5: Kind = {
  what: '32 hexadecimal digits',
  holds: (value) => typeof value === 'string' && /^[0-9a-f]{32}$/.test(value),
};

function orNull({ what, holds }: Kind): Kind {
  return { what: `${what}, or null`, holds: (value) => value === null || holds(value) };
}

const SUBSCRIPTION = new Map<string, Kind>([
  ['owner', TEXT],
  ['path', NAME],
  ['name', NAME],
  ['hash', orNull(MD5)],
] satisfies [keyof SubscriptionWire, Kind][]);

const SUBSCRIPTIONS: Kind = {
  what: 'a list of objects with owner, path, name and hash',
  holds: (value) =>
    Array.isArray(value) && value.every((each) => firstFault(each, SUBSCRIPTION) === undefined),
};

const TARGET = new Map<string, Kind>([
  ['user', NAME],
  ['deviceToken', TEXT],
  ['accountId', TEXT],
  ['subtopic', TEXT],
  ['apsVersion', INTEGER],
  ['topic', TEXT],
  ['source', SOURCE],
  ['registered', TIME],
  ['renewed', TIME],
  ['lastPush', orNull(TIME)],
  ['lastSuccess', orNull(TIME)],
  ['lastError', orNull(TEXT)],
  ['lastErrorAt', orNull(TIME)],
  ['failures', COUNT],
  ['failingSince', orNull(TIME)],
  ['disabled', orNull(TIME)],
  ['subscriptions', SUBSCRIPTIONS],
] satisfies [keyof TargetWire, Kind][]);

export function isTargetWire(value: object): value is TargetWire {
  return firstFault(value, TARGET) === undefined;
}

/** What is wrong with an object that is no target. */
export function fieldsFault(value: object): Fault {
  return firstFault(value, TARGET) ?? { reason: 'not a target' };
}

/** The first key that is missing, of another kind, or not known; own keys only. */
function firstFault(value: unknown, kinds: Map<string, Kind>): Fault | undefined {
  if (typeof value !== 'object' || value === null) return { reason: 'not an object' };
  const entries = new Map(Object.entries(value));
  for (const [key, { what, holds }] of kinds)
    if (!holds(entries.get(key))) return { reason: expected(what, key, entries.get(key)) };
  const unknown = [...entries.keys()].find((key) => !kinds.has(key));
  return unknown === undefined ? undefined : { reason: 'unknown key', detail: quoted(unknown) };
}
