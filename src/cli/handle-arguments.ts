import { nearest } from '../config/nearest.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';

/** What `handle` was called with. */
export interface HandleArguments {
  wait: boolean;
  config: string | undefined;
  /** The notify class; undefined where none was given. notifyd also passes on MAIL and SIEVE (notifyd(8)). */
  class: string | undefined;
}

/** Options of notifyd(8) that say nothing which the event does not say better. */
const IGNORED = new Set(['-p', '-u', '-m', '-f']);

/** True where these arguments, after the program's name, call `handle` and do not ask for help. */
export function callsHandle(argv: readonly string[]): boolean {
  if (argv.some((argument) => ['--help', '-h', '--version', '-V'].includes(argument))) return false;
  if (asksForVersion(argv)) return false;
  const first = argv[leadingConfig(argv)];
  return first === undefined || first === 'handle' || first.startsWith('-');
}

/** Alone: what else stands beside it is for the commands to understand. */
export function asksForVersion([option = '', ...rest]: readonly string[]): boolean {
  return rest.length === 0 && ['--version', '-V', '-v', 'version'].includes(option);
}

/** The file that a `deliverer` is to work by, which only we start; undefined where these arguments call something else. */
export function delivererArguments(argv: readonly string[]): { config: string | undefined } | undefined {
  const [command, option, config] = argv;
  if (command !== 'deliverer' || argv.length > 3) return undefined;
  if (option === undefined) return { config: undefined };
  return option === '--config' && config !== undefined ? { config } : undefined;
}

/** How many arguments a `--config` before the subcommand takes. */
function leadingConfig([first, second]: readonly string[]): number {
  if (first?.startsWith('--config=') === true) return 1;
  return first === '--config' && second !== undefined ? 2 : 0;
}

/**
 * Reads notifyd's arguments without a library: notifyd calls us for every event, and with a last `-f` that has no
 * value. Throws OperatorError (exit 64) for what it does not know.
 */
export function parseHandleArguments(argv: readonly string[]): HandleArguments {
  const parsed: HandleArguments = { wait: false, config: undefined, class: undefined };
  const rest = [...argv];
  if (rest[leadingConfig(rest)] === 'handle') rest.splice(leadingConfig(rest), 1);
  for (let argument; (argument = rest.shift()) !== undefined;) {
    if (argument === '--wait') parsed.wait = true;
    else if (argument === '--config') parsed.config = valueOf(argument, rest);
    else if (argument.startsWith('--config=')) parsed.config = argument.slice('--config='.length);
    else if (argument === '-c') parsed.class = valueOf(argument, rest);
    else if (IGNORED.has(argument)) rest.shift();
    else throw unknown(argument);
  }
  return parsed;
}

function valueOf(option: string, rest: string[]): string {
  const value = rest.shift();
  if (value !== undefined) return value;
  throw new OperatorError(`option ${option} has no value`, { exitCode: ExitCode.usage, hint: HINT });
}

function unknown(argument: string): OperatorError {
  const meant = argument.startsWith('--') ? nearest(argument, ['--wait', '--config']) : undefined;
  return new OperatorError(`unknown argument ${JSON.stringify(argument)}`, {
    exitCode: ExitCode.usage,
    hint: meant === undefined ? HINT : `did you mean ${meant}? If not, ${HINT}`,
  });
}

const HINT = 'see: xapplepush handle --help';
