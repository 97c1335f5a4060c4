import { ExitCode, OperatorError } from '../process/errors.ts';
import { decodeUtf8 } from '../events/read.ts';
import type { Item } from './claim.ts';
import { xapsItems } from './xaps-database.ts';

/** Largest database.json, which is one JSON value and read as a whole: about a million accounts. */
export const MAX_DATABASE_BYTES = 256 * 1024 * 1024;

/** The accounts in a database of dovecot-xaps-daemon. Throws OperatorError (exit 65) where it is none. */
export function databaseItems(chunks: Iterable<Buffer>, maxBytes = MAX_DATABASE_BYTES): Item[] {
  const text = decodeUtf8(wholeOf(chunks, maxBytes));
  const items = text === undefined ? undefined : xapsItems(jsonIn(text));
  if (items === undefined) throw refused('this is not a database of dovecot-xaps-daemon');
  return items;
}

function wholeOf(chunks: Iterable<Buffer>, maxBytes: number): Buffer {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw refused(`the file is longer than ${maxBytes} bytes`);
    pieces.push(chunk);
  }
  return Buffer.concat(pieces);
}

/** Undefined, which no JSON is, for what is none. */
function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // V8's message repeats the text, which may hold a token
  }
}

function refused(message: string): OperatorError {
  return new OperatorError(message, {
    exitCode: ExitCode.badInput,
    hint: 'it is one JSON object with Users and their Accounts; --format names another format',
  });
}
