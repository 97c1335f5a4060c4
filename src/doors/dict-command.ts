import { tabUnescaped } from './dict-escapes.ts';
import type { DictLine } from './dict-lines.ts';

/**
 * What a client of Dovecot's dict protocol asks: one line, its fields between tabs (dict-client.h of Dovecot, the same in
 * 2.3 and 2.4 but for a number of the version). `user` is undefined where the client leaves it to what its hello said.
 */
export type DictCommand =
  | { kind: 'hello'; user: string }
  | { kind: 'lookup'; key: string; user: string | undefined }
  | ({ kind: 'iterate'; user: string | undefined } & Iteration)
  | { kind: 'begin'; id: string; user: string | undefined }
  | { kind: 'change'; id: string; key: string; value: Buffer | undefined }
  | { kind: 'commit'; id: string; isAsync: boolean }
  | { kind: 'rollback'; id: string }
  /** Says something of a transaction that makes no difference here. */
  | { kind: 'remark' }
  /** Understood, and never done: a question is answered with a failure, and so is the commit of a change. */
  | { kind: 'unfit question'; why: string }
  | { kind: 'unfit change'; id: string; why: string }
  /** Nobody knows whether an answer is awaited, so the connection must end: each answer is for the oldest question. */
  | { kind: 'broken'; why: string };

/** What is asked of all keys that begin so. */
export interface Iteration {
  prefix: string;
  /** Of `dict_iterate_flags` (dict.h of Dovecot). */
  flags: number;
  /** 0 means all. */
  maxRows: number;
}

/** An app's value, a name of an entry with its mailbox, and a user's name that are longer are not taken. */
export const MAX_VALUE_BYTES = 4096;
export const MAX_KEY_BYTES = 1024;
const MAX_USER_BYTES = 512;

export function readDictCommand({ bytes, isWhole }: DictLine): DictCommand {
  const text = bytes.toString('latin1');
  const letter = text.slice(0, 1);
  const raw = text.slice(1).split('\t');
  if (!isWhole) return tooLong(letter, raw);
  const fields = raw.map(tabUnescaped);
  if (fields.includes(undefined)) return broken('an escape that there is not');
  return READERS[letter]?.(fields as string[]) ?? broken(`the command ${JSON.stringify(letter)}`);
}

type Reader = (fields: string[]) => DictCommand;

const READERS: Record<string, Reader> = {
  H: ([, , , user = '']) => ofUser(user, (name) => ({ kind: 'hello', user: name })),
  L: ([key = '', user]) => ofUser(user, (name) => lookup(key, name)),
  I: ([flags = '', maxRows = '', prefix = '', user]) =>
    ofUser(user, (name) => iterate({ flags, maxRows, prefix }, name)),
  B: ([id = '', user]) => ofUser(user, (name) => inTransaction(id, { kind: 'begin', id, user: name })),
  S: ([id = '', key = '', value]) =>
    value === undefined ? broken('a change without a value') : change(id, key, Buffer.from(value, 'latin1')),
  U: ([id = '', key = '']) => change(id, key, undefined),
  A: ([id = '']) => inTransaction(id, unfitChange(id, 'an entry of METADATA is no number to be added to')),
  C: ([id = '']) => inTransaction(id, { kind: 'commit', id, isAsync: false }),
  D: ([id = '']) => inTransaction(id, { kind: 'commit', id, isAsync: true }),
  R: ([id = '']) => inTransaction(id, { kind: 'rollback', id }),
  T: () => ({ kind: 'remark' }), // when it was changed; only Cassandra makes use of it
  V: () => ({ kind: 'remark' }), // keep the values out of the log, where they never are
};

/** A value that does not fit into a line is refused as every long one is, and its transaction with it. */
function tooLong(letter: string, [id = '']: string[]): DictCommand {
  const why = 'a line that is too long';
  if (letter === 'L' || letter === 'I') return { kind: 'unfit question', why };
  if (letter === 'S' || letter === 'U') return inTransaction(id, unfitChange(id, why));
  return broken(why);
}

/** '' is nobody, as the hello has it when each command names its user. */
function ofUser<N extends string | undefined>(raw: N, read: (user: N) => DictCommand): DictCommand {
  if (raw === undefined) return read(raw);
  const user = textOf(raw);
  if (user === undefined || raw.length > MAX_USER_BYTES) return broken('a user whose name cannot be kept');
  return read(user as N);
}

function lookup(raw: string, user: string | undefined): DictCommand {
  const key = textOf(raw);
  return key === undefined ? { kind: 'unfit question', why: NOT_TEXT } : { kind: 'lookup', key, ...{ user } };
}

function iterate(
  { flags, maxRows, prefix: raw }: Record<'flags' | 'maxRows' | 'prefix', string>,
  user: string | undefined,
): DictCommand {
  const prefix = textOf(raw);
  if (!/^\d{1,9}$/.test(flags) || !/^\d{1,20}$/.test(maxRows))
    return broken('an iteration without its numbers');
  if (prefix === undefined) return { kind: 'unfit question', why: NOT_TEXT };
  return { kind: 'iterate', flags: Number(flags), maxRows: Number(maxRows), prefix, user };
}

function change(id: string, raw: string, value: Buffer | undefined): DictCommand {
  const key = textOf(raw);
  const why = key === undefined ? NOT_TEXT : unfitEntry(key, value);
  if (key === undefined || why !== undefined) return inTransaction(id, unfitChange(id, why ?? NOT_TEXT));
  return inTransaction(id, { kind: 'change', id, key, value });
}

const NOT_TEXT = 'the name of an entry that is not UTF-8';

/** Why it cannot be kept; undefined where it can. */
export function unfitEntry(key: string, value: Buffer | undefined): string | undefined {
  const keyBytes = Buffer.byteLength(key);
  if (!ENTRY.test(key)) return 'the name of an entry without a mailbox: expected priv/… or shared/…';
  if (keyBytes > MAX_KEY_BYTES)
    return `the name of an entry has ${keyBytes} bytes, ${MAX_KEY_BYTES} at most are kept`;
  if (value !== undefined && value.length > MAX_VALUE_BYTES)
    return `a value has ${value.length} bytes, ${MAX_VALUE_BYTES} at most are kept`;
  return undefined;
}

/** Whose it is, the GUID of the mailbox, and the name of the entry in it. */
const ENTRY = /^(?:priv|shared)\/[^/]+\/./s;

function inTransaction(id: string, command: DictCommand): DictCommand {
  return /^\d{1,10}$/.test(id) ? command : broken('a transaction without a number');
}

function unfitChange(id: string, why: string): DictCommand {
  return { kind: 'unfit change', id, why };
}

function broken(why: string): DictCommand {
  return { kind: 'broken', why };
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Undefined where it is not UTF-8, or holds a NUL, which PostgreSQL cannot keep. */
function textOf(latin1: string): string | undefined {
  try {
    const text = UTF8.decode(Buffer.from(latin1, 'latin1'));
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined; // not UTF-8
  }
}
