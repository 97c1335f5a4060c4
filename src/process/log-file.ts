import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { pino as Pino } from 'pino';
import { dueWrites } from './due-writes.ts';
import { messageOf } from './errors.ts';
import type { LogLevel, WriteLine } from './log.ts';
import { onOneLine } from './standard-error.ts';

/**
 * Writes JSON lines to a file; to `fallBack` what cannot be written there. pino makes each line, with the level, the
 * time, the program and its pid, and is used for that alone. Which lines are written and what is redacted in them
 * log.ts has decided: standard error has no need of pino, whose loading takes 5 ms. Lines that are told in one go are
 * written together, before anything else happens. The file is opened anew for them, so that log rotation needs no
 * signal; pino's own destinations would keep it open.
 */
export function fileWriter(path: string, program: string, fallBack: WriteLine): WriteLine {
  let makeLine: MakeLine | undefined;
  let waiting: Waiting[] = [];
  let warned = false;
  const giveWay = (given: readonly Waiting['given'][], error: unknown): void => {
    if (!warned) fallBack('warn', 'cannot write the log file', { file: path, error: messageOf(error) });
    warned = true;
    for (const each of given) fallBack(...each);
  };
  const write = (): void => {
    dueWrites.delete(write);
    const lines = waiting;
    waiting = [];
    try {
      append(path, lines.map(({ line }) => line).join(''));
      warned = false;
    } catch (error) {
      giveWay(
        lines.map(({ given }) => given),
        error,
      );
    }
  };
  return (...given) => {
    try {
      makeLine ??= lineMaker(program);
      waiting.push({ given, line: makeLine(given) }); // with the time of now
    } catch (error) {
      giveWay([given], error);
      return;
    }
    if (dueWrites.has(write)) return;
    dueWrites.add(write);
    queueMicrotask(write);
  };
}

interface Waiting {
  given: Parameters<WriteLine>;
  line: string;
}

type MakeLine = (given: Waiting['given']) => string;

const LOWEST_LEVEL: LogLevel = 'debug';

function lineMaker(program: string): MakeLine {
  const pino = loadPino();
  let made = '';
  const options = {
    level: LOWEST_LEVEL,
    base: { program, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const logger = pino(options, { write: (line) => (made = `${onOneLine(line.trimEnd())}\n`) });
  return ([level, message, fields]) => {
    logger[level](fields, message);
    return made;
  };
}

/** Loaded at the first line: most events end without one, and the program starts for each event. */
export function loadPino(): typeof Pino {
  return createRequire(import.meta.url)('pino') as typeof Pino;
}

// Without waiting: a FIFO that nobody reads must not hold up mail (open(2), O_NONBLOCK).
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

function append(path: string, lines: string): void {
  const fd = openSync(path, APPEND, 0o640);
  try {
    writeFileSync(fd, lines);
  } finally {
    closeSync(fd);
  }
}
