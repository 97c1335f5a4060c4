import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Logger, pino as Pino } from 'pino';
import { messageOf, OperatorError } from './errors.ts';
import { visible } from './text.ts';

export type LogFields = Record<string, string | number | boolean | undefined | string[]>;

/** Lines about what was done. Every call writes its line before it returns, and none of them throws. */
export interface Log {
  /** The file that the lines go to; absent where they go to standard error. */
  readonly file?: string | undefined;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** Returns when all lines are written. */
  flush(): void;
}

export interface LogOptions {
  level: LogLevel;
  /** `stderr`, or the absolute path of a file. */
  destination: string;
  /** The first word of a line on standard error, `program` in the file; `xapplepush` by default. */
  name?: string;
}

type Write = (level: LogLevel, message: string, fields: LogFields) => void;

const PROGRAM = 'xapplepush';
const STDERR_FD = 2; // process.stderr would set up a stream first
const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LEVELS)[number];

/**
 * A log at `level` and above: human lines on standard error or JSON lines in a file, secrets redacted.
 * Standard output is never written to: under notifyd(8) it is that daemon's socket.
 */
export function createLog({ level, destination, name = PROGRAM }: LogOptions): Log {
  const write = destination === 'stderr' ? stderrWriter(name) : fileWriter(destination, name);
  const at =
    (own: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (LEVELS.indexOf(own) >= LEVELS.indexOf(level)) write(own, message, redacted(fields));
    };
  return {
    ...(destination === 'stderr' ? {} : { file: destination }),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    flush: () => undefined,
  };
}

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

/** One line for a person, on standard error whatever the log's level and destination. */
export function writeLine(text: string): void {
  writeStderr(`${PROGRAM}: ${escaped(text)}\n`);
}

/** Loads what the first line needs, which takes 5 ms, for somebody who waits anyway. */
export function prepare(log: Log): void {
  if (log.file !== undefined) loadPino();
}

/** Enough of a device token to tell two apart: the first 8 and last 4 characters at most. */
export function redactToken(token: string): string {
  return shortened(token, 8, 4);
}

/** Enough of an account id to tell two apart: the first 8 characters at most. */
export function redactAccountId(id: string): string {
  return shortened(id, 8, 0);
}

/** Shows three eighths of `secret` at most; a value that is already short for one stays as it is. */
function shortened(secret: string, headMax: number, tailMax: number): string {
  const [head = '', tail = '', ...rest] = secret.split('…');
  const isShortened = secret.includes('…') && rest.length === 0;
  if (isShortened && head.length <= headMax && tail.length <= tailMax) return secret;
  const headLength = Math.min(headMax, Math.floor(secret.length / 4));
  const tailLength = Math.min(tailMax, Math.floor(secret.length / 8));
  return `${secret.slice(0, headLength)}…${secret.slice(secret.length - tailLength)}`;
}

const REDACTORS = new Map<string, (value: string) => string>([
  ['deviceToken', redactToken],
  ['accountId', redactAccountId],
  ['passphrase', () => '[redacted]'],
  ['key', () => '[redacted]'],
]);

function redacted(fields: LogFields): LogFields {
  const entries = Object.entries(fields).map(([name, value]) => {
    const redact = REDACTORS.get(name);
    if (redact === undefined || value === undefined) return [name, value] as const;
    return [name, Array.isArray(value) ? value.map(redact) : redact(String(value))] as const;
  });
  return Object.fromEntries(entries);
}

function stderrWriter(name: string): Write {
  return (level, message, fields) => {
    writeStderr(`${[`${name}: ${level}: ${escaped(message)}`, ...logfmt(fields)].join(' ')}\n`);
  };
}

/** logfmt: `name=value`, values quoted where needed. Stack traces are for the file, never for standard error. */
function logfmt(fields: LogFields): string[] {
  return Object.entries(fields).flatMap(([name, value]) => {
    if (value === undefined || name === 'stack') return [];
    const text = String(value);
    const bare = /^[^\s"=\\]+$/u.test(text) && escaped(text) === text;
    return [`${name}=${bare ? text : escaped(JSON.stringify(text))}`];
  });
}

function fileWriter(path: string, name: string): Write {
  let logger: Logger | undefined;
  let warned = false;
  const fallBack = stderrWriter(name);
  return (level, message, fields) => {
    try {
      logger ??= jsonLogger(path, name);
      logger[level](fields, message);
      warned = false;
    } catch (error) {
      if (!warned) fallBack('warn', 'cannot write the log file', { file: path, error: messageOf(error) });
      warned = true;
      fallBack(level, message, fields);
    }
  };
}

function jsonLogger(path: string, name: string): Logger {
  const pino = loadPino();
  const options = {
    level: 'debug', // createLog has chosen already
    base: { program: name, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, {
    write: (line) => {
      appendLine(path, `${escaped(line.trimEnd())}\n`);
    },
  });
}

/** Loaded at the first line: most events end without one, and the program starts for each event. */
function loadPino(): typeof Pino {
  return createRequire(import.meta.url)('pino') as typeof Pino;
}

// Without waiting: a FIFO that nobody reads must not hold up mail (open(2), O_NONBLOCK).
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

/** Opens the file for each line, so that log rotation needs no signal. */
function appendLine(path: string, line: string): void {
  const fd = openSync(path, APPEND, 0o640);
  try {
    writeFileSync(fd, line);
  } finally {
    closeSync(fd);
  }
}

function writeStderr(text: string): void {
  try {
    writeFileSync(STDERR_FD, text);
  } catch {
    // The one place where writing is given up: there is nowhere left to say so, and a standard error that
    // is full (EAGAIN) or gone (EPIPE) must not fail the mail event.
  }
}

function indented(message: string): string {
  return message.split('\n').map(escaped).join('\n  ');
}

/** Control, format and line-separating characters as JSON escapes: nobody forges a line or paints the screen. */
function escaped(text: string): string {
  return visible(text.replaceAll('\n', '\\n'));
}
