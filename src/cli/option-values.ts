import { parseDuration } from '../config/duration.ts';
import { ExitCode, OperatorError } from '../errors.ts';

/** The milliseconds of an option such as `--stale 10d`. Throws OperatorError (exit 64) for what is no duration. */
export function durationOption(name: string, text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new OperatorError(`${name} is ${JSON.stringify(text)}, expected a duration such as 10d`, {
    exitCode: ExitCode.usage,
    hint: 'units are s, m, h and d',
  });
}
