import { readFileSync } from 'node:fs';
import { ExitCode, messageOf, OperatorError } from './errors.ts';

/** `name:password`, one line in the file that `option` names. Throws OperatorError, which never shows what it holds. */
export function readPassword(option: string, file: string): string {
  const refuse = (why: string): OperatorError =>
    new OperatorError(`${option}: ${file} ${why}`, {
      exitCode: ExitCode.tryAgain,
      hint: 'write one line name:password into it, readable by the user that this program runs as',
    });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw refuse(`cannot be read (${messageOf(error)})`);
  }
  const line = text.replace(/\r?\n$/, '');
  if (!/^[^:\r\n]+:[^\r\n]+$/.test(line)) throw refuse('does not hold one line name:password');
  return line;
}
