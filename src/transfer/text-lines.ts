import { decodeUtf8, splitLines } from '../events/read.ts';
import type { Fault } from '../targets/precedence.ts';

/** What bytes say in UTF-8, or why they say nothing. */
export type Text = { text: string } | { fault: Fault };

/** A line of a file; its place counts from 1. */
export type Line = { place: number } & Text;

/** The lines, blank ones too; what is too long or no UTF-8 is a fault, and the lines after it are read all the same. */
export function* textLines(chunks: Iterable<Buffer>, maxBytes: number): Generator<Line> {
  let place = 0;
  for (const bytes of splitLines(chunks, maxBytes)) {
    place += 1;
    yield { place, ...textOf(bytes, maxBytes) };
  }
}

/** All of it as one text. */
export function wholeText(chunks: Iterable<Buffer>, maxBytes: number): Text {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > maxBytes) return textOf('too long', maxBytes);
    pieces.push(chunk);
  }
  return textOf(Buffer.concat(pieces), maxBytes);
}

function textOf(bytes: Buffer | 'too long', maxBytes: number): Text {
  if (bytes === 'too long') return { fault: { reason: `longer than ${maxBytes} bytes` } };
  const text = decodeUtf8(bytes);
  return text === undefined ? { fault: { reason: 'not UTF-8' } } : { text };
}
