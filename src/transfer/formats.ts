import type { Item } from './claim.ts';
import { csvItems } from './csv.ts';
import { targetItems } from './target-line.ts';
import { textLines, wholeText } from './text-lines.ts';
import { databaseItems } from './xaps-database.ts';

export const FORMATS = ['jsonl', 'xaps', 'csv'] as const;
export type Format = (typeof FORMATS)[number];

/** Tells a file by its beginning; undefined where it is none of ours. */
export function formatOf(head: Buffer): Format | undefined {
  const text = head
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trimStart();
  const [firstLine = ''] = text.split('\n', 1);
  if (text.startsWith('{')) return isTargetLine(firstLine) ? 'jsonl' : 'xaps';
  return CSV_HEADER.test(firstLine) ? 'csv' : undefined;
}

/** Words with something between them that spreadsheets write; csv.ts says which words it wants. */
const CSV_HEADER = /^[\w "]+[,;\t][\w ",;\t]*\r?$/;

/** A target too, where an editor took the header away. */
function isTargetLine(line: string): boolean {
  return /^\{\s*"xapplepush"\s*:/.test(line) || /^\{.*"deviceToken"\s*:/.test(line);
}

/** What the file says, in its order. Throws OperatorError (exit 65) where it is not of that format at all. */
export function itemsOf(format: Format, chunks: Iterable<Buffer>): Iterable<Item> {
  return READERS[format](chunks);
}

/** Longest line of an export: a registration has one MiB at most (events/read.ts), and becomes some times as long. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** Longest record of CSV. */
const MAX_RECORD_BYTES = 1024 * 1024;

/** Largest database.json, which is one JSON value and read as a whole: about a million accounts. */
const MAX_DATABASE_BYTES = 256 * 1024 * 1024;

const READERS: Readonly<Record<Format, (chunks: Iterable<Buffer>) => Iterable<Item>>> = {
  jsonl: (chunks) => targetItems(textLines(chunks, MAX_LINE_BYTES)),
  xaps: (chunks) => databaseItems(wholeText(chunks, MAX_DATABASE_BYTES)),
  csv: (chunks) => csvItems(textLines(chunks, MAX_RECORD_BYTES), MAX_RECORD_BYTES),
};

/** What `place` counts. */
export const PLACE_NAMES: Readonly<Record<Format, string>> = { jsonl: 'line', xaps: 'account', csv: 'line' };
