import { fileWriter, loadPino } from './log-file.ts';
import { type LogFields, redacted } from './redact.ts';
import { onOneLine, PROGRAM, writeStderr } from './standard-error.ts';

/**
 * Lines about what was done. Standard error has a line before the call returns, a file before anything else happens and
 * when the process ends. No call throws.
 */
export interface Log {
  /** Writes to standard error, whatever the level; absent where it is this process's own. */
  readonly tell?: ((text: string) => void) | undefined;
  /** The file that the lines go to; absent where they go to standard error. */
  readonly file?: string | undefined;
  /**
   * Writes to the file what standard error has been told already; absent where there is none. What the file does not
   * take is told no second time: `check` says that nobody can write it.
   */
  readonly repeat?: ((message: string, fields: LogFields) => void) | undefined;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface LogOptions {
  level: LogLevel;
  /** `stderr`, or the absolute path of a file. */
  destination: string;
  /** The first word of a line on standard error, `program` in the file; `xapplepush` by default. */
  name?: string;
  /** Writes to standard error. */
  tell?: (text: string) => void;
}

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LEVELS)[number];

/** Writes a line that is wanted, its fields redacted. */
export type WriteLine = (level: LogLevel, message: string, fields: LogFields) => void;

/**
 * A log at `level` and above: human lines on standard error or JSON lines in a file, secrets redacted.
 * Standard output is never written to: under notifyd(8) it is that daemon's socket.
 */
export function createLog({ level, destination, name = PROGRAM, tell = writeStderr }: LogOptions): Log {
  const toStderr = stderrWriter(name, tell);
  const write = destination === 'stderr' ? toStderr : fileWriter(destination, name, toStderr);
  const at =
    (own: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (LEVELS.indexOf(own) >= LEVELS.indexOf(level)) write(own, message, redacted(fields));
    };
  return {
    tell,
    ...(destination === 'stderr' ? {} : { file: destination, repeat: repeater(destination, name) }),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}

/** Loads what the first line needs, which takes 5 ms, for somebody who waits anyway. */
export function prepare(log: Log): void {
  if (log.file !== undefined) loadPino();
}

function repeater(destination: string, name: string): Log['repeat'] {
  const write = fileWriter(destination, name, () => undefined);
  return (message, fields) => write('error', message, redacted(fields));
}

function stderrWriter(name: string, tell: (text: string) => void): WriteLine {
  return (level, message, fields) => {
    tell(`${[`${name}: ${level}: ${onOneLine(message)}`, ...logfmt(fields)].join(' ')}\n`);
  };
}

/** logfmt: `name=value`, values quoted where needed. Stack traces are for the file, never for standard error. */
function logfmt(fields: LogFields): string[] {
  return Object.entries(fields).flatMap(([name, value]) => {
    if (value === undefined || name === 'stack') return [];
    const text = String(value);
    const bare = /^[^\s"=\\]+$/u.test(text) && onOneLine(text) === text;
    return [`${name}=${bare ? text : onOneLine(JSON.stringify(text))}`];
  });
}
