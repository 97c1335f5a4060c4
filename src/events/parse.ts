import type { CyrusNamespace } from '../mailboxes/cyrus-namespace.ts';
import { parseCyrusEvent } from './cyrus.ts';
import type { ParseResult } from './mail-event.ts';

type Json = Record<string, unknown>;

/** More events than this in one list are refused as a whole; a server sends one at a time. */
export const MAX_EVENTS_PER_LINE = 1000;

/** The shapes of events we know, in the order in which they are tried. */
const SHAPES: { fits: (value: Json) => boolean; parse: (value: Json, ns: CyrusNamespace) => ParseResult }[] =
  [{ fits: (value) => typeof value['event'] === 'string', parse: parseCyrusEvent }];

/** Parses one JSON value, which is an event or a list of events. Gives at least one result, never throws. */
export function parseEvent(value: unknown, ns: CyrusNamespace): ParseResult[] {
  if (!Array.isArray(value)) return [parseOne(value, ns)];
  if (value.length === 0) return [bad('an empty list: expected events')];
  if (value.length > MAX_EVENTS_PER_LINE) {
    return [bad(`a list of ${value.length} events: expected at most ${MAX_EVENTS_PER_LINE}`)];
  }
  return value.map((element) => parseOne(element, ns));
}

function parseOne(value: unknown, ns: CyrusNamespace): ParseResult {
  if (!isObject(value)) return bad('not an event: expected a JSON object');
  const shape = SHAPES.find(({ fits }) => fits(value));
  return (
    shape?.parse(value, ns) ??
    bad('no event we know: expected the key event with a name such as "MessageNew"')
  );
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function bad(reason: string): ParseResult {
  return { kind: 'bad', reason };
}
