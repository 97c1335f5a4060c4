import { parse } from 'csv-parse/sync';

/**
 * Parses records of RFC 4180, each without its line end: the fields of each, or undefined where its quotes make no
 * sense. One bad record does not spoil the others.
 */
export function parseCsvRecords(texts: readonly string[]): (string[] | undefined)[] {
  return parsed(texts) ?? texts.map((text) => parsed([text])?.[0]);
}

const OPTIONS = { record_delimiter: '\n', relax_column_count: true, max_record_size: 0 };

/** All at once, which is several times as fast; undefined where one is bad or not a single record. */
function parsed(texts: readonly string[]): string[][] | undefined {
  try {
    const rows = parse(texts.join('\n'), OPTIONS);
    return rows.length === texts.length ? rows : undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined; // a CsvError: the text is not CSV
    throw error;
  }
}
