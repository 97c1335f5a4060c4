import { isBlank, type Line } from './line.ts';

/** Longest record of several lines: what is not closed by then has a quote too many. */
const MAX_RECORD_LINES = 1000;

/**
 * Joins lines to records: a line break within quotes belongs to the field (RFC 4180, 2.6). `place` is that of the
 * first line. Where no such join is a record, the line stands alone, for the parser to refuse, and the next begins
 * anew. Blank lines between records are none.
 */
export function* csvRecords(
  lines: Iterable<Line>,
  isRecord: (text: string) => boolean,
  maxLength: number,
): Generator<Line> {
  const source = lines[Symbol.iterator]();
  let pending: Line[] = [];
  const next = (): Line | undefined => pending.shift() ?? nextOf(source);
  for (let first; (first = next()) !== undefined;) {
    const joined = closes(first) ? joinLines(first, next, maxLength) : [first];
    const text = isWhole(joined) ? textOf(joined) : '';
    if (text !== '' && text.length <= maxLength && isRecord(text)) yield { place: first.place, text };
    else {
      if (!isBlank(first)) yield first;
      pending = [...joined.slice(1), ...pending];
    }
  }
}

function nextOf(source: Iterator<Line>): Line | undefined {
  const { done, value } = source.next() as IteratorResult<Line, undefined>;
  return done === true ? undefined : value;
}

/** The line and those after it, up to the one that closes its quote. */
function joinLines(first: Line, next: () => Line | undefined, maxLength: number): Line[] {
  const joined = [first];
  let length = lengthOf(first);
  while (joined.length < MAX_RECORD_LINES && length <= maxLength) {
    const line = next();
    if (line === undefined) break;
    joined.push(line);
    length += lengthOf(line);
    if ('fault' in line || closes(line)) break;
  }
  return joined;
}

function isWhole(joined: readonly Line[]): boolean {
  const last = joined.at(-1);
  return joined.length > 1 && last !== undefined && closes(last);
}

function textOf(joined: readonly Line[]): string {
  return joined.map((line) => ('text' in line ? line.text : '')).join('\n');
}

/** Whether a quote that is open before the line is closed after it, and the reverse: two quotes in a field are none. */
function closes(line: Line): boolean {
  return 'text' in line && line.text.split('"').length % 2 === 0;
}

function lengthOf(line: Line): number {
  return 'text' in line ? line.text.length : 0;
}
