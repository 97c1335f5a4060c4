import { execFile } from 'node:child_process';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';
import { ownCommand } from '../process/hand-over.ts';
import { PAGE } from '../page/answer.ts';
import type { PageAnswer, StatusPage } from '../doors/http-page.ts';

/** Whoever asks within this time gets the same page. */
const FRESH_MS = 5000;

/** Pages of different users that are kept, or waited for, at once: each costs a process, one after the other. */
const MOST_PAGES = 4;

/** The time of a clock that is never set, in milliseconds. */
const monotonicMs = (): number => performance.now();

/** Shares each page for a while, and has one made at a time; undefined where too many are asked for. */
export function keepPages(make: (user: string) => Promise<PageAnswer>, nowMs = monotonicMs): StatusPage {
  const kept = new Map<string, { page: Promise<PageAnswer>; freshUntilMs: number }>();
  let last: Promise<unknown> = Promise.resolve();
  return (user) => {
    for (const [name, { freshUntilMs }] of kept) if (nowMs() >= freshUntilMs) kept.delete(name);
    const known = kept.get(user);
    if (known !== undefined) return known.page;
    if (kept.size >= MOST_PAGES) return undefined;
    const entry = { page: last.then(() => make(user)), freshUntilMs: Infinity };
    const rest = (): void => void (entry.freshUntilMs = nowMs() + FRESH_MS);
    last = entry.page.then(rest, rest); // a failure too is shared for a while: it costs a process
    kept.set(user, entry);
    return entry.page;
  };
}

/** It may read a million rows and the history of a busy day. */
const TIMEOUT_MS = 20_000;
const MOST_BYTES = 8 * 1024 * 1024;

export interface PageMaking {
  configFile: string | undefined;
  user: string;
  /** Ends what is under way, so that it keeps nobody waiting who ends. */
  ending: AbortSignal;
  /** This program, as it was started. */
  command?: readonly string[];
}

/**
 * Has the page made by a process of its own: what reads a million rows would keep events waiting here. Throws
 * OperatorError where it cannot be made.
 */
export async function makePage(making: PageMaking): Promise<PageAnswer> {
  const { ending } = making;
  if (ending.aborted) throw failure(ENDING);
  const made = await printed(making);
  try {
    return JSON.parse(made) as PageAnswer;
  } catch (error) {
    throw failure(`what was made is no page (${messageOf(error)})`);
  }
}

/** The user goes by standard input: others on the host see the arguments of a process. */
function printed({ configFile, user, ending, command = ownCommand() }: PageMaking): Promise<string> {
  const options = configFile === undefined ? [] : ['--config', configFile];
  const [program, ...args] = [...command, ...options, 'status', PAGE];
  const limits = {
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
    maxBuffer: MOST_BYTES,
    signal: ending,
  } as const;
  return new Promise((resolve, reject) => {
    const { stdin } = execFile(program, args, limits, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else if (ending.aborted) reject(failure(ENDING));
      else if (error.killed === true) reject(failure(`not made within ${TIMEOUT_MS / 1000} s`));
      else reject(failure(stderr.trim() || messageOf(error)));
    });
    stdin?.on('error', () => undefined); // of one that has ended before it read: how it ended is told
    stdin?.end(user);
  });
}

const ENDING = 'serve is ending';

function failure(reason: string): OperatorError {
  return new OperatorError(`the status page cannot be made: ${reason}`, {
    exitCode: ExitCode.tryAgain,
    hint: 'see what `xapplepush status` says as the user of serve',
  });
}
