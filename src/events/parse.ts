import type { CyrusNamespace } from '../mailboxes/cyrus-namespace.ts';
import { parseCyrusEvent } from './cyrus.ts';
import { parseDovecotEvent, parseDovecotTransaction } from './dovecot.ts';
import { bad, isObject } from './fields.ts';
import type { ParseResult } from './mail-event.ts';
import { parseOxEvent } from './ox.ts';
import { parseRegistration } from './registration.ts';
import { parseXapsNotification, parseXapsRegistration } from './xaps.ts';

type Json = Record<string, unknown>;

interface Shape {
  fits: (value: Json) => boolean;
  parse: (value: Json, ns: () => CyrusNamespace) => ParseResult | ParseResult[];
}

/** More events than this in one list are refused as a whole; a server sends one at a time. */
export const MAX_EVENTS_PER_LINE = 1000;

/** The shapes of events we know, in the order in which they are tried: the OX driver's name is `event` too. */
const SHAPES: Shape[] = [
  { fits: hasAny('registration'), parse: parseRegistration },
  { fits: hasAny('dovecot'), parse: parseDovecotTransaction },
  {
    fits: hasAny('ApsAccountId', 'ApsDeviceToken', 'ApsSubtopic', 'Mailboxes'),
    parse: parseXapsRegistration,
  },
  { fits: hasAny('Username', 'Mailbox', 'Events'), parse: parseXapsNotification },
  { fits: hasAny('folder'), parse: parseOxEvent },
  { fits: (value) => typeof value['event'] === 'string', parse: parseCyrusEvent },
  { fits: (value) => typeof value['name'] === 'string', parse: parseDovecotEvent },
];

/** Parses one JSON value, which is an event or a list of events, and asks for the namespace where it matters. Gives at least one result. */
export function parseEvent(value: unknown, ns: () => CyrusNamespace): ParseResult[] {
  if (!Array.isArray(value)) return parseOne(value, ns);
  if (value.length === 0) return [bad('an empty list: expected events')];
  if (value.length > MAX_EVENTS_PER_LINE) return [tooMany(value.length)];
  return value.flatMap((element) => parseOne(element, ns));
}

function parseOne(value: unknown, ns: () => CyrusNamespace): ParseResult[] {
  if (!isObject(value)) return [bad('not an event: expected a JSON object')];
  const shape = SHAPES.find(({ fits }) => fits(value));
  if (shape === undefined) return [bad(UNKNOWN_SHAPE)];
  const results = [shape.parse(value, ns)].flat();
  return results.length > MAX_EVENTS_PER_LINE ? [tooMany(results.length)] : results;
}

const UNKNOWN_SHAPE =
  'no event we know: expected the key event with a name such as "MessageNew" from Cyrus, ' +
  'or from Dovecot the keys of its Lua or OX driver or of the XAPS plugin, such as dovecot, name or Username';

function hasAny(...keys: string[]): (value: Json) => boolean {
  return (value) => keys.some((key) => Object.hasOwn(value, key));
}

function tooMany(events: number): ParseResult {
  return bad(`a list of ${events} events: expected at most ${MAX_EVENTS_PER_LINE}`);
}
