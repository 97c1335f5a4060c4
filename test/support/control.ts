import type { Listener } from '../../src/delivery/control.ts';
import type { ControlWord } from '../../src/delivery/poke.ts';

/** Of those who deliver, and of the handlers that ring at them. */
export const EDITION = 'abcdef012345.source';

/** Does the work whoever speaks, after it has told this. */
export function listening(onWord: (word: ControlWord, edition?: string) => void = () => undefined): Listener {
  return {
    edition: EDITION,
    onWord: (word, edition) => {
      onWord(word, edition);
      return true;
    },
  };
}
