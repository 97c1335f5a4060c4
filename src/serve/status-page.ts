import { execFile } from 'node:child_process';
import { ExitCode, OperatorError } from '../process/errors.ts';
import { ownCommand } from '../process/hand-over.ts';
import { PAGE_OF, type PageAnswer } from '../page/answer.ts';
import type { StatusPage } from '../doors/http-page.ts';

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

/**
 * Has the page made by a process of its own: what reads a million rows would keep events waiting here. Throws
 * OperatorError where it cannot be made.
 */
export async function makePage(configFile: string | undefined, user: string): Promise<PageAnswer> {
  const options = configFile === undefined ? [] : ['--config', configFile];
  const [program, ...args] = [...ownCommand(), ...options, 'status', `${PAGE_OF}=${user}`];
  const limits = { timeout: TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: MOST_BYTES } as const;
  const made = await new Promise<string>((resolve, reject) => {
    execFile(program, args, limits, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(failure(error.killed === true ? `not made within ${TIMEOUT_MS / 1000} s` : stderr.trim()));
    });
  });
  return JSON.parse(made) as PageAnswer;
}

function failure(reason: string): OperatorError {
  return new OperatorError(`the status page cannot be made: ${reason}`, {
    exitCode: ExitCode.tryAgain,
    hint: 'see what `xapplepush status` says as the user of serve',
  });
}
