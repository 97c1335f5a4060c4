import { ExitCode, OperatorError } from '../process/errors.ts';
import type { Item } from './claim.ts';
import { EXPECTED_HEADER, readTargetLine, type TargetLine } from './target-line.ts';
import { textLines } from './text-lines.ts';

/** Longest line of an export: a registration has one MiB at most (events/read.ts), and becomes some times as long. */
export const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** The targets of an export, or of several one after the other. Throws OperatorError (exit 65) at another header. */
export function* targetItems(chunks: Iterable<Buffer>, maxBytes = MAX_LINE_BYTES): Generator<Item> {
  for (const line of textLines(chunks, maxBytes)) {
    if ('text' in line && line.text.trim() === '') continue;
    const { place } = line;
    const read = 'fault' in line ? line : readText(line.text);
    if (read === 'header') continue;
    if ('foreign' in read) throw foreign(place, read.foreign);
    if ('fault' in read) yield { place, fault: read.fault };
    else yield { place, user: read.target.user, claim: { kind: 'exported', ...read.target } };
  }
}

function readText(text: string): TargetLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { fault: { reason: 'not JSON' } }; // V8's message repeats the text, which may hold a token
  }
  return readTargetLine(value);
}

function foreign(place: number, what: string): OperatorError {
  return new OperatorError(`line ${place} announces ${what}, expected ${EXPECTED_HEADER}`, {
    exitCode: ExitCode.badInput,
    hint: 'install the xapplepush that wrote it, or a newer one',
  });
}
