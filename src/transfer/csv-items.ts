import { ExitCode, OperatorError } from '../process/errors.ts';
import type { Item } from './claim.ts';
import { type Column, COLUMNS, readCsvHeader, readCsvRecord } from './csv-columns.ts';
import { type CsvRecord, csvRecords } from './csv-records.ts';
import { textLines } from './text-lines.ts';

/** Longest record. */
export const MAX_RECORD_BYTES = 1024 * 1024;

/** The targets of a CSV file with a header. Throws OperatorError (exit 65) where that is none. */
export function* csvItems(chunks: Iterable<Buffer>, maxBytes = MAX_RECORD_BYTES): Generator<Item> {
  const records = csvRecords(textLines(chunks, maxBytes), maxBytes);
  const header = records.next();
  const columns = columnsIn(header.done === true ? undefined : header.value);
  for (const record of records) yield 'fault' in record ? record : itemOf(record, columns);
}

function columnsIn(record: CsvRecord | undefined): Column[] {
  const isHeader = record !== undefined && 'fields' in record;
  const columns = isHeader ? readCsvHeader(record.fields) : { bad: 'the first line is no header' };
  if (!('bad' in columns)) return columns;
  throw new OperatorError(`this is not CSV that can be imported: ${columns.bad}`, {
    exitCode: ExitCode.badInput,
    hint: `the first line names the columns, separated by commas; there are ${COLUMNS.join(', ')}`,
  });
}

function itemOf({ place, fields }: Extract<CsvRecord, { fields: string[] }>, columns: Column[]): Item {
  const read = readCsvRecord(fields, columns);
  const user = fields[columns.indexOf('user')] ?? '';
  return {
    place,
    user,
    ...('reason' in read ? { fault: read } : { claim: { kind: 'registration', ...read } }),
  };
}
