import type { DlistItem, DlistLimits } from './dlist.ts';

/** What has arrived, and how much of a command is read. */
export interface Input {
  chunk: Buffer;
  at: number;
  /** Of this command so far. A literal counts from its announcement on. */
  syntaxBytes: number;
  literalBytes: number;
  limits: DlistLimits;
}

/** Yields undefined when it needs the next chunk, and is not resumed after it has yielded `broken`. */
export type Parse<T> = Generator<DlistItem | undefined, T, void>;

/** The bytes that mean something. */
export const BYTE = {
  nul: 0x00,
  lf: 0x0a,
  cr: 0x0d,
  space: 0x20,
  quote: 0x22,
  percent: 0x25,
  open: 0x28,
  close: 0x29,
  plus: 0x2b,
  backslash: 0x5c,
  openBrace: 0x7b,
  closeBrace: 0x7d,
  del: 0x7f,
} as const;

/** CRLF; as Cyrus does, LF alone is taken as well. */
export function* endOfLine(input: Input, what: string): Parse<void> {
  if ((yield* peek(input)) === BYTE.cr) yield* take(input);
  yield* expectByte(input, BYTE.lf, what);
}

export function* expectByte(input: Input, wanted: number, what: string): Parse<void> {
  const byte = yield* take(input);
  if (byte !== wanted) yield* unexpected(byte, what);
}

export function* take(input: Input): Parse<number> {
  const byte = yield* peek(input);
  input.at += 1;
  input.syntaxBytes += 1;
  if (input.syntaxBytes <= input.limits.syntaxBytes) return byte;
  return yield* broken(`a command of more than ${input.limits.syntaxBytes} bytes without its literals`);
}

export function* peek(input: Input): Parse<number> {
  for (;;) {
    const byte = input.chunk[input.at];
    if (byte !== undefined) return byte;
    yield undefined;
  }
}

export function unexpected(byte: number, wanted: string): Parse<never> {
  return broken(`byte 0x${byte.toString(16).padStart(2, '0')} where ${wanted} is expected`);
}

export function* broken(why: string): Parse<never> {
  for (;;) yield { kind: 'broken', why };
}
