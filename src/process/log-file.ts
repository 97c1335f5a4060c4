import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Logger, pino as Pino } from 'pino';
import { messageOf } from './errors.ts';
import type { LogLevel, WriteLine } from './log.ts';
import { onOneLine } from './standard-error.ts';

/**
 * Writes JSON lines to a file; to `fallBack` what cannot be written there. pino makes each line, with the level, the
 * time, the program and its pid, and is used for that alone. Which lines are written and what is redacted in them
 * log.ts has decided: standard error has no need of pino, whose loading takes 5 ms. The file is opened for each line,
 * so that log rotation needs no signal; pino's own destinations would keep it open.
 */
export function fileWriter(path: string, program: string, fallBack: WriteLine): WriteLine {
  let logger: Logger | undefined;
  let warned = false;
  return (level, message, fields) => {
    try {
      logger ??= jsonLogger(path, program);
      logger[level](fields, message);
      warned = false;
    } catch (error) {
      if (!warned) fallBack('warn', 'cannot write the log file', { file: path, error: messageOf(error) });
      warned = true;
      fallBack(level, message, fields);
    }
  };
}

const LOWEST_LEVEL: LogLevel = 'debug';

function jsonLogger(path: string, program: string): Logger {
  const pino = loadPino();
  const options = {
    level: LOWEST_LEVEL,
    base: { program, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, { write: (line) => appendLine(path, `${onOneLine(line.trimEnd())}\n`) });
}

/** Loaded at the first line: most events end without one, and the program starts for each event. */
export function loadPino(): typeof Pino {
  return createRequire(import.meta.url)('pino') as typeof Pino;
}

// Without waiting: a FIFO that nobody reads must not hold up mail (open(2), O_NONBLOCK).
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

function appendLine(path: string, line: string): void {
  const fd = openSync(path, APPEND, 0o640);
  try {
    writeFileSync(fd, line);
  } finally {
    closeSync(fd);
  }
}
