import { ExitCode, OperatorError } from '../process/errors.ts';
import type { Item } from './claim.ts';
import { type Column, COLUMNS, readCsvHeader, readCsvRecord } from './csv-columns.ts';
import { csvRecords } from './csv-records.ts';
import { parseCsvRecords } from './csv.ts';
import type { Line } from './line.ts';
import { textLines } from './text-lines.ts';

/** Longest record. */
export const MAX_RECORD_BYTES = 1024 * 1024;

/** So many records are parsed at once. */
const BATCH = 100;

/** The targets of a CSV file with a header. Throws OperatorError (exit 65) where that is none. */
export function* csvItems(chunks: Iterable<Buffer>, maxBytes = MAX_RECORD_BYTES): Generator<Item> {
  const isRecord = (text: string): boolean => fieldsIn([text])[0] !== undefined;
  const records = csvRecords(textLines(chunks, maxBytes), isRecord, maxBytes);
  const header = records.next();
  const columns = columnsIn(header.done === true ? undefined : header.value);
  for (const batch of batches(records)) yield* batchItems(batch, columns);
}

function columnsIn(line: Line | undefined): Column[] {
  const fields = line !== undefined && 'text' in line ? fieldsIn([line.text])[0] : undefined;
  const columns = fields === undefined ? { bad: 'the first line is no header' } : readCsvHeader(fields);
  if (!('bad' in columns)) return columns;
  throw new OperatorError(`this is not CSV that can be imported: ${columns.bad}`, {
    exitCode: ExitCode.badInput,
    hint: `the first line names the columns, separated by commas; there are ${COLUMNS.join(', ')}`,
  });
}

function* batches(records: Iterable<Line>): Generator<Line[]> {
  let batch: Line[] = [];
  for (const record of records) {
    batch.push(record);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}

function* batchItems(records: readonly Line[], columns: Column[]): Generator<Item> {
  const rows = fieldsIn(records.map((record) => ('text' in record ? record.text : '""')));
  for (const [index, record] of records.entries())
    yield 'fault' in record ? record : { place: record.place, ...itemOf(rows[index], columns) };
}

function fieldsIn(texts: readonly string[]): (string[] | undefined)[] {
  return parseCsvRecords(texts.map((text) => text.replace(/\r$/, '')));
}

type Content = { user?: string } & (
  { claim: Extract<Item, { claim: unknown }>['claim'] } | { fault: { reason: string } }
);

function itemOf(fields: string[] | undefined, columns: Column[]): Content {
  if (fields === undefined) return { fault: { reason: 'not CSV: its quotes make no sense' } };
  const read = readCsvRecord(fields, columns);
  const user = fields[columns.indexOf('user')] ?? '';
  return 'reason' in read ? { user, fault: read } : { user, claim: { kind: 'registration', ...read } };
}
