import {
  broken,
  BYTE,
  endOfLine,
  expectByte,
  type Input,
  type Parse,
  peek,
  take,
  unexpected,
} from './dlist-input.ts';

/** Digits of a literal's length: no limit of ours has more. */
const MAX_DIGITS = 10;

const SPECIALS: readonly number[] = [BYTE.open, BYTE.close, BYTE.percent, BYTE.openBrace, BYTE.quote];

/** An atom, a quoted string or a literal: the astring of RFC 3501. */
export function* string(input: Input): Parse<{ bytes: Buffer; isAtom: boolean }> {
  const first = yield* peek(input);
  if (first === BYTE.quote) return { bytes: yield* quoted(input), isAtom: false };
  if (first === BYTE.openBrace) return { bytes: yield* literal(input), isAtom: false };
  return { bytes: yield* atom(input), isAtom: true };
}

function* atom(input: Input): Parse<Buffer> {
  let bytes: Buffer | undefined; // mostly one piece
  for (;;) {
    const next = yield* peek(input);
    if (IS_ATOM_BYTE[next] === 1) {
      const piece = yield* atomPiece(input);
      bytes = bytes === undefined ? piece : Buffer.concat([bytes, piece]);
    } else if (bytes !== undefined) return bytes;
    else return yield* unexpected(next, 'a value');
  }
}

/** The bytes of an atom in this chunk, at least one: a generator for each byte would cost more than all the rest. */
function* atomPiece(input: Input): Parse<Buffer> {
  const start = input.at;
  const mostBytes = input.limits.syntaxBytes - input.syntaxBytes;
  const end = Math.min(input.chunk.length, start + mostBytes);
  while (input.at < end && IS_ATOM_BYTE[input.chunk[input.at] ?? 0] === 1) input.at += 1;
  if (input.at === start) yield* take(input); // says that the command is too long
  input.syntaxBytes += input.at - start;
  return input.chunk.subarray(start, input.at);
}

/** By byte, 1 or 0. Wider than the atom of RFC 3501: Cyrus writes paths and flags as they are. */
const IS_ATOM_BYTE = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte > BYTE.space && byte !== BYTE.del && !SPECIALS.includes(byte) ? 1 : 0,
);

function* quoted(input: Input): Parse<Buffer> {
  const bytes: number[] = [];
  yield* take(input);
  for (;;) {
    const byte = yield* take(input);
    if (byte === BYTE.quote) return Buffer.from(bytes);
    if (byte === BYTE.cr || byte === BYTE.lf || byte === BYTE.nul)
      return yield* unexpected(byte, 'the end of a quoted string');
    bytes.push(byte === BYTE.backslash ? yield* take(input) : byte);
  }
}

function* literal(input: Input): Parse<Buffer> {
  yield* take(input);
  const length = yield* literalLength(input);
  const isSynchronising = (yield* peek(input)) !== BYTE.plus;
  if (!isSynchronising) yield* take(input);
  yield* expectByte(input, BYTE.closeBrace, 'the closing brace after the length of a literal');
  yield* endOfLine(input, 'the end of the line after the length of a literal');
  if (isSynchronising) yield { kind: 'go ahead?' };
  const bytes = Buffer.alloc(length);
  for (let filled = 0; filled < length;) {
    if (input.at === input.chunk.length) yield undefined;
    const copied = input.chunk.copy(bytes, filled, input.at);
    input.at += copied;
    filled += copied;
  }
  return bytes;
}

function* literalLength(input: Input): Parse<number> {
  let digits = '';
  while (isDigit(yield* peek(input)) && digits.length <= MAX_DIGITS)
    digits += String.fromCharCode(yield* take(input));
  if (digits === '') return yield* unexpected(yield* peek(input), 'the length of a literal');
  input.literalBytes += Number(digits);
  if (input.literalBytes <= input.limits.literalBytes) return Number(digits);
  return yield* broken(`literals of more than ${input.limits.literalBytes} bytes in a command`);
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
