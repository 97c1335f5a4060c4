import { messageOf, OperatorError } from './errors.ts';
import type { Log } from './log.ts';
import { closedProgram } from './own-program.ts';
import { onOneLine, PROGRAM, writeStderr } from './standard-error.ts';

/**
 * Tells a person on standard error what went wrong: `xapplepush: error: …` and `xapplepush: hint: …`, and
 * the log's file too where there is one. Before the configuration is known there is only standard error.
 */
export function reportError(error: unknown, log: Log | Pick<Log, 'tell'> = {}): void {
  const { message, hint } = wordsFor(error);
  const { tell = writeStderr } = log;
  tell(`${PROGRAM}: error: ${indented(message)}\n`);
  tell(`${PROGRAM}: hint: ${indented(hint)}\n`);
  if (!('repeat' in log) || log.repeat === undefined) return;
  log.repeat(message, { hint });
  if (!(error instanceof OperatorError) && error instanceof Error)
    log.debug('stack of the internal error', { stack: error.stack });
}

/** An error that was not foreseen is a bug, unless this program's own files may not be read. */
function wordsFor(error: unknown): Pick<OperatorError, 'message' | 'hint'> {
  const known = error instanceof OperatorError ? error : closedProgram(error);
  if (known !== undefined) return known;
  const hint = 'this is a bug in xapplepush; please report it with what you did';
  return { message: `internal error: ${messageOf(error)}`, hint };
}

function indented(message: string): string {
  return message.split('\n').map(onOneLine).join('\n  ');
}
