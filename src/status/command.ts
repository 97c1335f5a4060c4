import type { Config } from '../config/config.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';
import type { Surroundings } from '../process/surroundings.ts';
import { countOf } from '../process/text.ts';
import { painter, wantsColour } from '../terminal/terminal.ts';
import { blocks, type Display, jsonLines, repainted, type Terminal } from './display.ts';
import { jsonOf } from './json.ts';
import { linesOf } from './layout.ts';
import { rowsOf } from './screen.ts';
import { lookAt } from './look.ts';
import { watchStatus } from './watch.ts';
import { safeJson } from '../process/safe-json.ts';

export interface StatusCommand {
  config: Config;
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

/** What a look needs of what is around the process, and what a watch does. */
type Around = Pick<Surroundings, 'clock' | 'env' | 'stdout' | 'onSignals' | 'suspend'>;

/** Shows the state once, or again and again until SIGINT, SIGTERM or SIGHUP. Throws StoreError for an ordinary user. */
export async function showStatus({ config, json, watchS }: StatusCommand, around: Around): Promise<void> {
  if (watchS !== undefined) return watch({ config, json, watchS }, around);
  const look = await lookAt(config, around.clock);
  const lines = json ? [safeJson(jsonOf(look), 2)] : linesOf(rowsOf(look), layout(around));
  around.stdout.write(lines.map((line) => `${line}\n`).join(''));
}

function layout(around: Around): Parameters<typeof linesOf>[1] {
  const paint = painter(wantsColour(around));
  const terminal = terminalIn(around);
  return terminal === undefined ? { paint } : { paint, columns: terminal.columns };
}

/** Standard output where it is a terminal of some width. */
function terminalIn({ stdout }: Around): Terminal | undefined {
  return stdout.isTTY === true && (stdout.columns ?? 0) > 0 ? (stdout as Terminal) : undefined;
}

async function watch(
  { config, json, watchS }: StatusCommand & { watchS: number },
  around: Around,
): Promise<void> {
  const { clock } = around;
  const ending = new AbortController();
  const display = displayFor(json, watchS, around);
  const stop = onSignals(ending, display, around);
  const look = (): ReturnType<typeof lookAt> => lookAt(config, clock, BUSY_TIMEOUT_MS);
  try {
    await watchStatus({ look, display, intervalMs: watchS * 1000, clock, signal: ending.signal });
  } finally {
    stop();
  }
}

function displayFor(json: boolean, watchS: number, around: Around): Display {
  const out = (text: string): void => void around.stdout.write(text);
  if (json) return jsonLines(out);
  const { paint } = layout(around);
  const terminal = around.env['TERM'] === 'dumb' ? undefined : terminalIn(around);
  return terminal === undefined ? blocks(out, paint) : repainted(terminal, paint, countOf(watchS, 'second'));
}

/** Signals end the watch or, for Ctrl-Z, give the terminal back meanwhile; so does a reader that has gone. */
function onSignals(ending: AbortController, display: Display, around: Around): () => void {
  const gone = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error; // EIO: a terminal that was closed
    ending.abort();
  };
  const { stdout, onSignals: on } = around;
  stdout.on('error', gone); // to the end: what is written last may fail late
  const forget = [
    on(['SIGINT', 'SIGTERM', 'SIGHUP'], () => ending.abort()),
    on(['SIGTSTP'], () => {
      display.close();
      around.suspend();
    }),
    on(['SIGCONT'], () => display.open()),
  ];
  return () => {
    for (const each of forget) each();
  };
}
