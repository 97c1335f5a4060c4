import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';

/** Standard output, whose reader may leave before the end. */
export interface Output {
  write: (text: string) => void;
  /** Aborts when nobody reads any more: what writes without end may end then. */
  readerGone: AbortSignal;
  /** Resolves when all is written. Throws OperatorError (exit 75) where it cannot be, as on a full disk. */
  finish: () => Promise<void>;
}

/**
 * `| head -1` leaves when it has its line. That is no fault: what is written afterwards goes nowhere, and the command
 * does what it was asked for to its end.
 */
export function createOutput(stream: NodeJS.WritableStream): Output {
  const gone = new AbortController();
  let failure: unknown;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') gone.abort();
    else failure ??= error;
  });
  return {
    write: (text) => {
      if (!gone.signal.aborted) stream.write(text);
    },
    readerGone: gone.signal,
    finish: async () => {
      await written(stream, '');
      if (failure !== undefined) throw notWritten(failure);
    },
  };
}

/** Writes the text; false where it cannot be, because nobody reads it or there is no room. */
export function written(stream: NodeJS.WritableStream, text: string): Promise<boolean> {
  return new Promise((resolve) => {
    stream.write(text, (error) => {
      // An error event follows the callback; whoever listens to it knows by then.
      setImmediate(() => {
        resolve(error === null || error === undefined);
      });
    });
  });
}

function notWritten(error: unknown): OperatorError {
  return new OperatorError(`cannot write to standard output (${messageOf(error)})`, {
    exitCode: ExitCode.tryAgain,
    hint: 'look at where it is redirected to',
    cause: error,
  });
}
