import { connect } from 'node:net';

/** How long a handler waits for the deliverer's answer; the mail server waits for the handler. */
const POKE_TIMEOUT_MS = 300;

/** `poke`: the outbox has something. `retry`: and it is to be tried even where sending rests after a failure. */
export type ControlWord = 'poke' | 'retry';

/** Asks the `serve` that listens at that address, as the configuration writes it, to end. */
export type Yield = `yield ${string}`;

/** Asks whether who listens is a `serve`. */
export const SERVE = 'serve?';

/** Says that a `serve` is there, for which a deliverer makes way. */
export const MAKE_WAY = 'make way';

/** The answers: it will be done; or it will not, such as by one that is ending. */
export const DONE = 'ok\n';
export const REFUSED = 'no\n';

type Word = ControlWord | Yield | typeof SERVE | typeof MAKE_WAY;

/**
 * Tells whoever delivers that the outbox has something. Gives false where nobody answers, for whatever reason, or where
 * it makes way because its edition is another: then the caller starts a deliverer, which finds out for itself whether it
 * is alone.
 */
export async function poke(path: string, word: Word = 'poke', edition?: string): Promise<boolean> {
  return (await answerOf(path, word, edition)) === 'ok';
}

/** What is said to a word; undefined where nobody answers. */
export type Answer = 'ok' | 'no' | undefined;

export function answerOf(path: string, word: Word, edition?: string): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let answer = '';
    const end = (heard?: Answer): void => {
      socket.destroy();
      resolve(heard);
    };
    socket.setTimeout(POKE_TIMEOUT_MS, () => end());
    socket.on('error', () => end());
    socket.on('close', () => end());
    socket.on('connect', () => socket.write(edition === undefined ? `${word}\n` : `${word} ${edition}\n`));
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
      if (answer.length < DONE.length && !answer.endsWith('\n')) return;
      end(answer === DONE ? 'ok' : answer === REFUSED ? 'no' : undefined);
    });
  });
}
