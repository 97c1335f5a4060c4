import * as v from 'valibot';
import { expected, quoted } from '../events/fields.ts';
import { isStorableText } from '../mailboxes/storable-text.ts';
import type { Fault } from '../targets/precedence.ts';
import { instantOf } from './instant.ts';

/** What a file may say that the store can keep. */
export const TEXT = v.pipe(
  v.string(),
  v.check(isStorableText),
  v.description('text without NUL characters and halves of surrogate pairs'),
);

/** Milliseconds since the epoch, from ISO 8601. */
export const TIME = v.pipe(
  v.string(),
  v.transform(instantOf),
  v.number(),
  v.description('a time such as 2026-01-31T12:00:00.000Z'),
);

/** Undefined, which no JSON is, for what is none. */
export function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // V8's message repeats the text, which may hold a token
  }
}

type Checked<S extends v.GenericSchema> = { value: v.InferOutput<S> } | { fault: Fault };

/**
 * What an object of a file says by a schema, or what is wrong with the first key that is: the description of its schema
 * says what is expected, and the value is never shown, for it may be a token.
 */
export function check<S extends v.GenericSchema>(
  schema: S & { entries: Record<string, v.GenericSchema> },
  object: object,
): Checked<S> {
  const { success, output, issues } = v.safeParse(schema, { ...object }, { abortEarly: true });
  return success ? { value: output } : { fault: faultOf(issues[0].path ?? [], schema.entries) };
}

function faultOf(
  [first, ...deeper]: readonly { key: unknown; value?: unknown }[],
  entries: Record<string, v.GenericSchema>,
): Fault {
  const key = String(first?.key);
  const entry = Object.hasOwn(entries, key) ? entries[key] : undefined;
  if (entry === undefined) return { reason: 'unknown key', detail: quoted(key) };
  const what = v.getDescription(entry) ?? entry.expects;
  return { reason: deeper.length === 0 ? expected(what, key, first?.value) : `${key}: expected ${what}` };
}
