import { writeFileSync } from 'node:fs';
import { visible } from './text.ts';

/** The first word of what people read there. */
export const PROGRAM = 'xapplepush';

const STDERR_FD = 2; // process.stderr would set up a stream first

export function writeStderr(text: string): void {
  try {
    writeFileSync(STDERR_FD, text);
  } catch {
    // The one place where writing is given up: there is nowhere left to say so, and a standard error that
    // is full (EAGAIN) or gone (EPIPE) must not fail the mail event.
  }
}

/** One line for a person, on standard error whatever the log's level and destination. */
export function writeLine(text: string, tell = writeStderr): void {
  tell(`${PROGRAM}: ${onOneLine(text)}\n`);
}

/** Control, format and line-separating characters as JSON escapes: nobody forges a line or paints the screen. */
export function onOneLine(text: string): string {
  return visible(text.replaceAll('\n', '\\n'));
}
