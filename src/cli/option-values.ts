import { isDurationIn, outOfRange, parseDuration, RETENTION } from '../config/duration.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';

/** The milliseconds of an option such as `--stale 10d`. Throws OperatorError (exit 64) for what is no duration. */
export function durationOption(name: string, text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new OperatorError(`${name} is ${JSON.stringify(text)}, expected a duration such as 10d`, {
    exitCode: ExitCode.usage,
    hint: 'units are s, m, h and d',
  });
}

/**
 * The milliseconds of how long something is kept, within what the configuration allows. Throws OperatorError (exit 64)
 * for what is no duration or out of range.
 */
export function retentionOption(name: string, text: string): number {
  const ms = durationOption(name, text);
  if (isDurationIn(text, RETENTION)) return ms;
  throw new OperatorError(`${name}: ${outOfRange(text, RETENTION)}`, {
    exitCode: ExitCode.usage,
    hint: 'a device registers about once a day, and one day is the least that the configuration allows too',
  });
}

/** The number of an option such as `--limit 20`. Throws OperatorError (exit 64) for what is no whole number, or none of these. */
export function numberOption(name: string, text: string, { least = 0, most = 1e9 } = {}): number {
  if (/^\d{1,10}$/.test(text) && Number(text) >= least && Number(text) <= most) return Number(text);
  throw new OperatorError(
    `${name} is ${JSON.stringify(text)}, expected a whole number from ${least} to ${most}`,
    { exitCode: ExitCode.usage, hint: 'digits only; --help of the command tells the default' },
  );
}
