import { closeSync, fstatSync, readSync, type Stats } from 'node:fs';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';
import { openAsCaller } from '../process/hand-over.ts';

/** A file that is read from its beginning to its end, once. */
export interface Input {
  chunks: Iterable<Buffer>;
  /** The part that has been read, from 0 to 1; undefined where the end is not known. */
  readPart: () => number | undefined;
  /** When the file was last changed, in milliseconds since the epoch; undefined for a pipe. */
  modifiedMs: number | undefined;
  close: () => void;
}

const STANDARD_INPUT = 0;
const CHUNK_BYTES = 64 * 1024;

/** Opens a file, or takes standard input where it is `-`. Throws OperatorError (exit 65) where it cannot be read. */
export function openInput(file: string, standardInput: () => Iterable<Buffer>): Input {
  if (file === '-') return inputOf(standardInput(), STANDARD_INPUT, () => undefined);
  const fd = attempt(file, () => openAsCaller(file));
  return inputOf(readFile(file, fd), fd, () => closeSync(fd));
}

function inputOf(source: Iterable<Buffer>, fd: number, close: () => void): Input {
  const stats = regularStats(fd);
  let bytes = 0;
  const counted = function* (): Generator<Buffer> {
    for (const chunk of source) {
      bytes += chunk.length;
      yield chunk;
    }
  };
  const readPart = (): number | undefined =>
    stats === undefined || stats.size === 0 ? undefined : Math.min(1, bytes / stats.size);
  return { chunks: counted(), readPart, modifiedMs: stats && Math.floor(stats.mtimeMs), close };
}

/** Undefined for what is no file: a pipe, a terminal, or a standard input that is closed. */
function regularStats(fd: number): Stats | undefined {
  try {
    const stats = fstatSync(fd);
    return stats.isFile() ? stats : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBADF') return undefined; // reading it says so
    throw error;
  }
}

function* readFile(file: string, fd: number): Generator<Buffer> {
  for (;;) {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    const bytes = attempt(file, () => readSync(fd, buffer, 0, buffer.length, null));
    if (bytes === 0) return;
    yield buffer.subarray(0, bytes);
  }
}

function attempt<T>(file: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw new OperatorError(`cannot read ${file}: ${messageOf(error)}`, {
      exitCode: ExitCode.badInput,
      hint: 'name a file that you can read, or - for standard input',
      cause: error,
    });
  }
}

/** The beginning of the chunks, by which a file is recognised, and all of them. */
export function peek(chunks: Iterable<Buffer>): { head: Buffer; chunks: Iterable<Buffer> } {
  const rest = chunks[Symbol.iterator]();
  let head = Buffer.alloc(0);
  while (head.length < CHUNK_BYTES && !hasLine(head)) {
    const next = rest.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  const all = function* (): Generator<Buffer> {
    yield head;
    yield* { [Symbol.iterator]: () => rest };
  };
  return { head, chunks: all() };
}

/** A whole line that is not blank. */
function hasLine(head: Buffer): boolean {
  return head
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trimStart()
    .includes('\n');
}
