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
import { string } from './dlist-string.ts';

/** NIL, a string of bytes, a list, or a list of keys with values. */
export type DlistValue = null | Buffer | DlistValue[] | Map<string, DlistValue>;

export interface DlistCommand {
  kind: 'command';
  name: string;
  value: DlistValue;
}

/** Nothing from here on can be made sense of. `why` holds none of the peer's text. */
export interface DlistBreak {
  kind: 'broken';
  why: string;
}

/** With `go ahead?`, the peer sends a literal's bytes only after it has been told to go on (RFC 3501, 4.3). */
export type DlistItem = DlistCommand | DlistBreak | { kind: 'go ahead?' };

/** The most that one command may have. */
export interface DlistLimits {
  /** In all its literals together. */
  literalBytes: number;
  /** Outside of literals. */
  syntaxBytes: number;
  /** Lists in each other. */
  depth: number;
}

export interface DlistParser {
  /** Takes the next bytes and gives, one by one, what they complete. To be gone through before the next call. */
  parse(chunk: Buffer): Generator<DlistItem, void>;
  /** Estimated memory of the command that is not complete; 0 between commands. */
  heldBytes(): number;
}

/**
 * Reads the dlist protocol of Cyrus's `notifysocket: dlist:` as it arrives: a command is a name, a space, a value and
 * the end of the line. Values are atoms, NIL, quoted strings, literals, `(value …)` and `%(key value …)`.
 * Source: dlist_print in imap/dlist.c of Cyrus IMAP, and captures of 3.6.
 */
export function createDlistParser(limits: DlistLimits): DlistParser {
  const input: Input = { chunk: NOTHING, at: 0, syntaxBytes: 0, literalBytes: 0, limits };
  const steps = commands(input);
  let isBroken = false;
  return {
    *parse(chunk) {
      input.chunk = chunk;
      input.at = 0;
      while (!isBroken) {
        const item = steps.next().value;
        if (item === undefined) break;
        isBroken = item.kind === 'broken';
        yield item;
      }
      input.chunk = NOTHING;
      input.at = 0;
    },
    heldBytes: () => (isBroken ? 0 : input.literalBytes + input.syntaxBytes * MEMORY_OF_SYNTAX_BYTE),
  };
}

const NOTHING = Buffer.alloc(0);

/** What costs most is `%()`: an empty Map, of about 200 bytes in V8, for three. */
const MEMORY_OF_SYNTAX_BYTE = 64;

function* commands(input: Input): Parse<never> {
  for (;;) {
    const { bytes } = yield* string(input);
    yield* expectByte(input, BYTE.space, 'a space after the name of a command');
    const value = yield* anyValue(input, 0);
    yield* endOfLine(input, 'the end of the line after the value of a command');
    input.syntaxBytes = 0;
    input.literalBytes = 0;
    yield { kind: 'command', name: bytes.toString(), value };
  }
}

function* anyValue(input: Input, depth: number): Parse<DlistValue> {
  const first = yield* peek(input);
  if (first !== BYTE.open && first !== BYTE.percent) {
    const { bytes, isAtom } = yield* string(input);
    return isAtom && bytes.equals(NIL) ? null : bytes;
  }
  if (depth === input.limits.depth) return yield* broken(`more than ${depth} lists in each other`);
  yield* take(input);
  if (first === BYTE.open) return yield* list(input, depth + 1);
  yield* expectByte(input, BYTE.open, 'a parenthesis after a percent sign');
  return yield* keyedList(input, depth + 1);
}

const NIL = Buffer.from('NIL');

function* list(input: Input, depth: number): Parse<DlistValue[]> {
  const values: DlistValue[] = [];
  while (yield* hasNext(input, values.length === 0)) values.push(yield* anyValue(input, depth));
  return values;
}

function* keyedList(input: Input, depth: number): Parse<Map<string, DlistValue>> {
  const values = new Map<string, DlistValue>();
  while (yield* hasNext(input, values.size === 0)) {
    const key = (yield* string(input)).bytes.toString();
    if (values.has(key)) return yield* broken('a key that is given twice');
    yield* expectByte(input, BYTE.space, 'a space after a key');
    values.set(key, yield* anyValue(input, depth));
  }
  return values;
}

/** Takes what is between two elements of a list, or what closes it. */
function* hasNext(input: Input, isFirst: boolean): Parse<boolean> {
  const next = yield* peek(input);
  if (isFirst && next !== BYTE.close) return true;
  yield* take(input);
  if (next !== BYTE.close && next !== BYTE.space)
    return yield* unexpected(next, 'a space or the end of a list');
  return next === BYTE.space;
}
