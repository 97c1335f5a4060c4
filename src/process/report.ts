import { messageOf, OperatorError } from './errors.ts';
import type { Log } from './log.ts';
import { onOneLine, PROGRAM, writeStderr } from './standard-error.ts';

/**
 * Tells a person on standard error what went wrong: `xapplepush: error: …` and `xapplepush: hint: …`, and
 * the log's file too where there is one. Without `log` it works before the configuration is known.
 */
export function reportError(error: unknown, log?: Log): void {
  const known = error instanceof OperatorError;
  const message = known ? error.message : `internal error: ${messageOf(error)}`;
  const hint = known ? error.hint : 'this is a bug in xapplepush; please report it with what you did';
  writeStderr(`${PROGRAM}: error: ${indented(message)}\n`);
  writeStderr(`${PROGRAM}: hint: ${indented(hint)}\n`);
  if (log?.file === undefined) return;
  log.error(message, { hint });
  if (!known && error instanceof Error) log.debug('stack of the internal error', { stack: error.stack });
}

function indented(message: string): string {
  return message.split('\n').map(onOneLine).join('\n  ');
}
