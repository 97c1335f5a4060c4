import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';
import { countOf } from '../process/text.ts';
import { painter, wantsColour } from '../terminal/terminal.ts';
import { blocks, type Display, jsonLines, repainted } from './display.ts';
import { jsonOf } from './json.ts';
import { linesOf } from './layout.ts';
import { rowsOf } from './screen.ts';
import { statusOf } from './status.ts';
import { watchStatus } from './watch.ts';
import { safeJson } from '../process/safe-json.ts';

export interface StatusCommand {
  config: Config;
  clock: Clock;
  json: boolean;
  /** Seconds between two looks; undefined: look once. */
  watchS: number | undefined;
}

/** How long a look of many waits for a database that is locked: meanwhile nothing else is heard, Ctrl-C included. */
const BUSY_TIMEOUT_MS = 300;

/** What `--watch` takes, in seconds. */
const MAX_WATCH_S = 86_400;

/** Seconds of `--watch`, where `true` means that none were named. Throws OperatorError (exit 64). */
export function watchSeconds(value: string | true | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (value === true) return 2;
  const seconds = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  if (seconds >= 1 && seconds <= MAX_WATCH_S) return seconds;
  throw new OperatorError(
    `--watch ${JSON.stringify(value)}: expected a number of seconds, 1 to ${MAX_WATCH_S}`,
    {
      exitCode: ExitCode.usage,
      hint: 'for example: xapplepush status --watch 5',
    },
  );
}

/** Shows the state once, or again and again until SIGINT, SIGTERM or SIGHUP. Throws StoreError where it looks once. */
export async function showStatus(command: StatusCommand): Promise<void> {
  if (command.watchS !== undefined) {
    await watch({ ...command, watchS: command.watchS });
    return;
  }
  const status = await statusOf(command.config, command.clock);
  if (command.json) process.stdout.write(`${safeJson(jsonOf(status), 2)}\n`);
  else
    process.stdout.write(
      linesOf(rowsOf(status), layout())
        .map((line) => `${line}\n`)
        .join(''),
    );
}

function layout(): Parameters<typeof linesOf>[1] {
  const { stdout } = process;
  const paint = painter(wantsColour(stdout.isTTY, process.env));
  return stdout.isTTY && stdout.columns > 0 ? { paint, columns: stdout.columns } : { paint };
}

async function watch({ config, clock, json, watchS }: StatusCommand & { watchS: number }): Promise<void> {
  const ending = new AbortController();
  const display = displayFor(json, watchS);
  const stop = onSignals(ending, display);
  const look = (): ReturnType<typeof statusOf> => statusOf(config, clock, BUSY_TIMEOUT_MS);
  try {
    await watchStatus({ look, display, intervalMs: watchS * 1000, clock, signal: ending.signal });
  } finally {
    stop();
  }
}

function displayFor(json: boolean, watchS: number): Display {
  const { stdout } = process;
  const out = (text: string): void => void stdout.write(text);
  const { paint } = layout();
  if (json) return jsonLines(out);
  const canRepaint = stdout.isTTY && process.env['TERM'] !== 'dumb' && stdout.columns > 0;
  return canRepaint ? repainted(stdout, paint, countOf(watchS, 'second')) : blocks(out, paint);
}

const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Signals end the watch or, for Ctrl-Z, give the terminal back meanwhile; so does a reader that has gone. */
function onSignals(ending: AbortController, display: Display): () => void {
  const { stdout } = process;
  const end = (): void => ending.abort();
  const gone = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error; // EIO: a terminal that was closed
    end();
  };
  const suspend = (): void => {
    display.close();
    process.kill(process.pid, 'SIGSTOP');
  };
  const resume = (): void => display.open();
  for (const signal of ENDING) process.on(signal, end);
  process.on('SIGTSTP', suspend).on('SIGCONT', resume);
  stdout.on('error', gone); // to the end: what is written last may fail late
  return () => {
    for (const signal of ENDING) process.off(signal, end);
    process.off('SIGTSTP', suspend).off('SIGCONT', resume);
  };
}
