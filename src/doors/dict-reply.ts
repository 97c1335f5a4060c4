import type { MetadataEntry } from '../store/metadata.ts';
import type { Iteration } from './dict-command.ts';
import { tabEscaped } from './dict-escapes.ts';

/** The answer to a look-up. */
export function valueReply(value: Uint8Array | undefined): Buffer {
  return value === undefined ? line('N') : line(`O${field(value)}`);
}

/** The answer to a question that cannot be answered; the reason is for Dovecot's log. */
export function failureReply(why: string): Buffer {
  return line(`F${field(why)}`);
}

/** The answer to an iteration: a line for each entry, and an empty one. */
export function entriesReply(entries: readonly MetadataEntry[], iteration: Iteration): Buffer {
  const isWithoutValue = (iteration.flags & NO_VALUE) !== 0;
  const lines = selected(entries, iteration).map(({ key, value }) =>
    line(`O${field(key)}\t${isWithoutValue ? '' : field(value)}`),
  );
  return Buffer.concat([...lines, line('')]);
}

/** `kept`, or why it was not; `uncertain` where nobody knows yet. */
export type Committed =
  { kind: 'kept' } | { kind: 'failed'; why: string } | { kind: 'uncertain'; why: string };

const LETTERS = { kept: 'O', failed: 'F', uncertain: 'W' } as const;

/** The answer to a commit. */
export function commitReply({ id, isAsync }: { id: string; isAsync: boolean }, committed: Committed): Buffer {
  const why = 'why' in committed ? `\t${field(committed.why)}` : '';
  return line(`${isAsync ? 'A' : ''}${LETTERS[committed.kind]}${id}${why}`);
}

/** dict_iterate_flags of Dovecot. Without RECURSE, and with neither, what lies deeper is left out. */
const [RECURSE, SORT_BY_VALUE, NO_VALUE, EXACT_KEY] = [0x01, 0x04, 0x08, 0x10];

/** `entries` lie under the prefix, by their keys; so they stay sorted where that is asked for, and where nothing is. */
function selected(
  entries: readonly MetadataEntry[],
  { prefix, flags, maxRows }: Iteration,
): readonly MetadataEntry[] {
  const isMeant = ({ key }: MetadataEntry): boolean => {
    if ((flags & EXACT_KEY) !== 0) return key === prefix;
    return (flags & RECURSE) !== 0 || !key.slice(prefix.length).includes('/');
  };
  const meant = entries.filter(isMeant);
  if ((flags & SORT_BY_VALUE) !== 0) meant.sort((one, other) => Buffer.compare(one.value, other.value));
  return maxRows === 0 ? meant : meant.slice(0, maxRows);
}

function field(value: Uint8Array | string): string {
  return tabEscaped(Buffer.from(value as string).toString('latin1'));
}

function line(latin1: string): Buffer {
  return Buffer.from(`${latin1}\n`, 'latin1');
}
