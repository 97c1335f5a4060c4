import { isUtf8 } from 'node:buffer';
import { readSync } from 'node:fs';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';

/** One line of input: the JSON value in it, or why it has none. `raw` is the line without its newline. */
export type ReadItem = { raw: Buffer; value: unknown } | { raw: Buffer; bad: string };

/**
 * Longest event, in bytes. notifyd's datagrams end at 21 kB, and the largest event over Cyrus's dlist socket,
 * with 5000 recipients in its envelope, was 220 kB.
 */
export const MAX_EVENT_BYTES = 1024 * 1024;

const CHUNK_BYTES = 64 * 1024;
const EAGAIN_PAUSE_MS = 5;
const STANDARD_INPUT = 0;
const NEWLINE = 0x0a;
const BYTE_ORDER_MARK = '\uFEFF';

/** Reads JSON values, one a line; blank lines are no items. A bad line does not keep later ones from being read. */
export function* readEvents(chunks: Iterable<Buffer>): Generator<ReadItem> {
  for (const line of splitLines(chunks, MAX_EVENT_BYTES)) {
    const item = line === 'too long' ? tooLong() : readLine(line);
    if (item !== undefined) yield item;
  }
}

/** Standard input in chunks, until it ends. Throws an OperatorError where it cannot be read. */
export function* readStandardInput(): Generator<Buffer> {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (;;) {
    const bytes = readChunk(buffer);
    if (bytes === 0) return;
    if (bytes === undefined) pause(EAGAIN_PAUSE_MS);
    else yield Uint8Array.prototype.slice.call(buffer, 0, bytes) as Buffer; // a copy
  }
}

/** Splits at newlines, and keeps nothing of a line once it is longer than `maxBytes`. */
export function* splitLines(chunks: Iterable<Buffer>, maxBytes: number): Generator<Buffer | 'too long'> {
  let pieces: Buffer[] = [];
  let bytes = 0;
  const take = (piece: Buffer): void => {
    bytes += piece.length;
    if (bytes > maxBytes) pieces = [];
    else pieces.push(piece);
  };
  const finish = (): Buffer | 'too long' => {
    const line = bytes > maxBytes ? 'too long' : joined(pieces);
    pieces = [];
    bytes = 0;
    return line;
  };
  for (const chunk of chunks) {
    let start = 0;
    for (let end; (end = indexOf(chunk, NEWLINE, start)) >= 0; start = end + 1) {
      take(chunk.subarray(start, end));
      yield finish();
    }
    take(chunk.subarray(start));
  }
  if (bytes > 0) yield finish();
}

/** As Buffer has it, whose own each process compiles anew. */
function indexOf(chunk: Buffer, byte: number, start: number): number {
  return Uint8Array.prototype.indexOf.call(chunk, byte, start);
}

/** As Buffer.concat, which copies even the one piece that there mostly is. */
function joined(pieces: readonly Buffer[]): Buffer {
  const [first, ...more] = pieces;
  return first !== undefined && more.length === 0 ? first : Buffer.concat(pieces);
}

function tooLong(): ReadItem {
  return { raw: Buffer.alloc(0), bad: `longer than ${MAX_EVENT_BYTES} bytes` };
}

function readLine(raw: Buffer): ReadItem | undefined {
  const text = decodeUtf8(raw);
  if (text === undefined) return { raw, bad: 'not UTF-8' };
  if (text.trim() === '') return undefined;
  if (text.includes('\0')) return { raw, bad: 'not JSON: it holds a NUL byte' };
  try {
    return { raw, value: JSON.parse(text) as unknown };
  } catch (error) {
    return { raw, bad: `not JSON${positionIn(messageOf(error))}` };
  }
}

/** Takes a byte order mark off; undefined for what is not UTF-8. */
export function decodeUtf8(bytes: Buffer): string | undefined {
  if (!isUtf8(bytes)) return undefined;
  const text = bytes.toString();
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
}

/** V8's message repeats the input, which may hold tokens or mail; only the position is taken from it. */
function positionIn(message: string): string {
  const position = /JSON at position (\d+)(?: \(line \d+ column \d+\))?$/.exec(message)?.[1];
  return position === undefined ? '' : ` (at character ${position})`;
}

/** How many bytes came: 0 at the end, undefined while there are none yet. */
function readChunk(buffer: Buffer): number | undefined {
  try {
    return readSync(STANDARD_INPUT, buffer, 0, buffer.length, null);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EOF') return 0;
    if (code === 'EAGAIN' || code === 'EINTR') return undefined;
    throw new OperatorError(`cannot read standard input: ${messageOf(error)}`, {
      exitCode: ExitCode.badInput,
      hint: 'give the event on standard input, as notifyd does',
      cause: error,
    });
  }
}

/** Sleeps without an event loop: nothing else happens in the process until the input is read. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0, ms);
}
