import * as v from 'valibot';
import { TEXT, TIME } from './checking.ts';

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
export const TARGET = v.strictObject({
  user: NAME,
  deviceToken: TEXT,
  accountId: TEXT,
  subtopic: TEXT,
  apsVersion: v.pipe(v.number(), v.safeInteger(), v.description('an integer')),
  topic: TEXT,
  source: v.pipe(v.picklist(['cyrus', 'dovecot', 'xaps']), v.description('cyrus, dovecot or xaps')),
  registered: TIME,
  renewed: TIME,
  lastPush: orNull(TIME),
  lastSuccess: orNull(TIME),
  lastError: orNull(TEXT),
  lastErrorAt: orNull(TIME),
  failures: v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.description('an integer, 0 or more')),
  failingSince: orNull(TIME),
  disabled: orNull(TIME),
  subscriptions: v.pipe(
    v.array(SUBSCRIPTION),
    v.description('a list of objects with owner, path, name and hash'),
  ),
});

export type TargetWire = v.InferInput<typeof TARGET>;

function orNull<S extends v.GenericSchema>(schema: S) {
  return v.pipe(v.nullable(schema), v.description(`${v.getDescription(schema)}, or null`));
}
