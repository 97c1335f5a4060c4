/** Longest part of a stranger's string that a message repeats, in UTF-16 units. */
const MAX_QUOTED = 100;

/** What a parser gives for a value that is no event. */
export function bad(reason: string): { kind: 'bad'; reason: string } {
  return { kind: 'bad', reason };
}

/** Says what came by its type alone: the value may be a token or an account id. */
export function expected(what: string, key: string, got: unknown): string {
  return got === undefined
    ? `${key} is missing: expected ${what}`
    : `${key}: expected ${what}, got ${typeName(got)}`;
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** A value that may be shown, in quotes and of bounded length. */
export function quoted(text: string): string {
  return JSON.stringify(shortened(text));
}

export function shortened(text: string): string {
  return text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
}

/** Is it a JSON object, and no list? */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
