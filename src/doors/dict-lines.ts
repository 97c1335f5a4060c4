/** The longest line that Dovecot's own dict server takes; a value of the longest that is kept fits into it, escaped. */
export const MAX_LINE_BYTES = 64 * 1024;

/** Enough of a longer one to know which transaction it belongs to. */
const HEAD_BYTES = 64;

const LF = 0x0a;

export interface DictLine {
  /** Without its end. */
  bytes: Buffer;
  /** False where it was too long: then these are its first bytes, and the rest was passed over. */
  isWhole: boolean;
}

/** Cuts what comes into lines. Holds less than one line of the longest that is taken. */
export interface DictLines {
  take(chunk: Buffer): Generator<DictLine>;
  /** Of a line that is not complete. */
  heldBytes(): number;
}

export function createDictLines(): DictLines {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let isWhole = true;
  const hold = (piece: Buffer): void => {
    if (piece.length === 0 || !isWhole) return;
    held.push(piece);
    heldBytes += piece.length;
    if (heldBytes <= MAX_LINE_BYTES) return;
    held = [Buffer.from(Buffer.concat(held).subarray(0, HEAD_BYTES))]; // a copy, which lets the chunk go
    heldBytes = HEAD_BYTES;
    isWhole = false;
  };
  const end = (): DictLine => {
    const line = { bytes: Buffer.concat(held), isWhole };
    [held, heldBytes, isWhole] = [[], 0, true];
    return line;
  };
  return {
    *take(chunk) {
      let at = 0;
      for (let stop = chunk.indexOf(LF); stop !== -1; stop = chunk.indexOf(LF, at)) {
        hold(chunk.subarray(at, stop));
        at = stop + 1;
        yield end();
      }
      hold(chunk.subarray(at));
    },
    heldBytes: () => heldBytes,
  };
}
