import { decodeUtf8, splitLines } from '../events/read.ts';
import type { Fault } from '../targets/precedence.ts';

/** A line of a file; its place counts from 1. */
export type Line = { place: number } & ({ text: string } | { fault: Fault });

/** The lines, blank ones too; what is too long or no UTF-8 is a fault, and the lines after it are read all the same. */
export function* textLines(chunks: Iterable<Buffer>, maxBytes: number): Generator<Line> {
  let place = 0;
  for (const bytes of splitLines(chunks, maxBytes)) {
    place += 1;
    yield { place, ...readLine(bytes, maxBytes) };
  }
}

function readLine(bytes: Buffer | 'too long', maxBytes: number): { text: string } | { fault: Fault } {
  if (bytes === 'too long') return { fault: { reason: `longer than ${maxBytes} bytes` } };
  const text = decodeUtf8(bytes);
  return text === undefined ? { fault: { reason: 'not UTF-8' } } : { text };
}
