import { CsvError, parse } from 'csv-parse/sync';
import type { Fault } from '../targets/precedence.ts';
import type { Line } from './text-lines.ts';

/** The fields of a record, or why it has none; `place` is that of its first line. */
export type CsvRecord = { place: number } & ({ fields: string[] } | { fault: Fault });

/** So many characters are parsed at once, to begin with. */
const BATCH_LENGTH = 64 * 1024;

/**
 * The records of RFC 4180 in these lines, of at most `maxLength` each; a field in quotes may have line breaks. A line
 * with which none begins is refused alone: the next one begins anew. Blank lines between records are none.
 */
export function* csvRecords(lines: Iterable<Line>, maxLength: number): Generator<CsvRecord> {
  let open: string[] = []; // lines whose records are not known yet
  let place = 1; // of the first of these
  let newLength = 0;
  for (const line of lines) {
    if ('text' in line) {
      open.push(line.text);
      newLength += line.text.length;
      if (newLength < BATCH_LENGTH) continue;
      open = yield* recordsIn(open, place, { maxLength, isEnd: false });
      place = line.place + 1 - open.length;
    } else {
      yield* recordsIn(open, place, { maxLength, isEnd: true });
      yield line;
      open = [];
      place = line.place + 1;
    }
    newLength = 0;
  }
  yield* recordsIn(open, place, { maxLength, isEnd: true });
}

/** Gives the lines of a last record that goes on in lines that follow. */
function* recordsIn(
  lines: readonly string[],
  place: number,
  { maxLength, isEnd }: { maxLength: number; isEnd: boolean },
): Generator<CsvRecord, string[]> {
  let at = 0;
  for (;;) {
    const { records, failure } = parsed(lines.slice(at), maxLength);
    for (const fields of records) {
      if (!isBlank(fields)) yield { place: place + at, fields };
      at += linesOf(fields);
    }
    if (failure === undefined) return [];
    if (failure === 'CSV_QUOTE_NOT_CLOSED' && !isEnd) return lines.slice(at);
    yield { place: place + at, fault: { reason: 'not CSV: its quotes make no sense' } };
    at += 1;
  }
}

/** The records up to the first that is none, and csv-parse's name of what is wrong with that. */
function parsed(lines: readonly string[], maxLength: number): { records: string[][]; failure?: string } {
  const records: string[][] = [];
  try {
    parse(lines.map((line) => `${line}\n`).join(''), {
      record_delimiter: ['\r\n', '\n'],
      relax_column_count: true,
      max_record_size: maxLength,
      on_record: (fields: string[]) => void records.push(fields),
    });
    return { records };
  } catch (error) {
    if (error instanceof CsvError) return { records, failure: error.code };
    throw error;
  }
}

function isBlank(fields: readonly string[]): boolean {
  return fields.length === 1 && fields[0]?.trim() === '';
}

/** Line breaks stand in its fields alone. */
function linesOf(fields: readonly string[]): number {
  return fields.join('').split('\n').length;
}
