import { isAlive, isDead, lifeMsOf, processName } from '../process/process-name.ts';

/**
 * A file in cur/ whose reader cannot be asked after, and has not touched it for this long, belongs to one that died.
 */
const READER_TIMEOUT_MS = 60_000;

/**
 * The same for one in tmp/ and its writer, which waits for what the mail server sends and then for the disk. A writer
 * that is seen to live has so long by a clock that nobody sets: one that jumps must not take an event from its hands.
 */
const WRITER_TIMEOUT_MS = 10 * 60_000;

/** Longest name of a file on Linux, in bytes: limits.h(0p), NAME_MAX. */
const NAME_MAX_BYTES = 255;

/** Others see by it whether we live, where the process has a name and there is room for it. */
export function nameForUse(name: string): string {
  const user = processName();
  const named = `${name}@${user}`;
  return user !== undefined && Buffer.byteLength(named) <= NAME_MAX_BYTES ? named : name;
}

/** The name of a file, and in tmp/ and cur/ the process that writes or reads it: its name, or its pid alone. */
export function partsOf(used: string): { name: string; user: string | undefined } {
  const [, name = used, user] = /^(.+)@(\d+(?::\d+:\d+)?)$/.exec(used) ?? [];
  return { name, user };
}

/**
 * Whether the process that used a file has died; `untouchedMs` is by a clock that people set, and may be negative.
 * `lifeOf` tells how long the process with a pid has lived.
 */
export function isAbandoned(
  folder: 'tmp' | 'cur',
  user: string | undefined,
  untouchedMs: number,
  lifeOf = lifeMsOf,
): boolean {
  // What was touched later than now was touched while the clock was ahead.
  const isOlderThan = (timeoutMs: number): boolean => Math.abs(untouchedMs) > timeoutMs;
  if (folder === 'cur') return (user !== undefined && isDead(user)) || isOlderThan(READER_TIMEOUT_MS);
  return isOlderThan(WRITER_TIMEOUT_MS) && !(user !== undefined && isWriting(user, lifeOf));
}

/** xapplepush-spool tells its pid alone, which another process may have by now; one of another namespace is not seen. */
function isWriting(user: string, lifeOf: typeof lifeMsOf): boolean {
  if (user.includes(':')) return isAlive(user);
  const lifeMs = lifeOf(Number(user));
  return lifeMs !== undefined && lifeMs >= 0 && lifeMs < WRITER_TIMEOUT_MS;
}
