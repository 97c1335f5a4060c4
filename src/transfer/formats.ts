import type { Item } from './claim.ts';
import { csvItems } from './csv-items.ts';
import { targetItems } from './target-items.ts';
import { databaseItems } from './xaps-items.ts';

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
  return /(?:^|,)\s*"?device_token"?\s*(?:,|$)/i.test(firstLine) ? 'csv' : undefined;
}

/** A target too, where an editor took the header away. */
function isTargetLine(line: string): boolean {
  return /^\{\s*"xapplepush"\s*:/.test(line) || /^\{.*"deviceToken"\s*:/.test(line);
}

/** What the file says, in its order. Throws OperatorError (exit 65) where it is not of that format at all. */
export function itemsOf(format: Format, chunks: Iterable<Buffer>): Iterable<Item> {
  return READERS[format](chunks);
}

const READERS: Readonly<Record<Format, (chunks: Iterable<Buffer>) => Iterable<Item>>> = {
  jsonl: targetItems,
  xaps: databaseItems,
  csv: csvItems,
};

/** What `place` counts. */
export const PLACE_NAMES: Readonly<Record<Format, string>> = { jsonl: 'line', xaps: 'account', csv: 'line' };
