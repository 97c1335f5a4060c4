import type { Clock } from '../process/clock.ts';
import { messageOf, OperatorError } from '../process/errors.ts';
import type { Log } from '../process/log.ts';

/** What keeps a `serve` from its database. */
export interface StoreTrouble {
  /** It could not be opened, or written: the log is told of another reason at once, of the same now and then. */
  note(error: unknown, log: Pick<Log, 'error'>): void;
  /** It can be written. */
  clear(): void;
  /** In one sentence with its fix; undefined where nothing does. */
  text(): string | undefined;
}

/** Often enough to be seen by whoever looks at the log, and seldom enough for one that nobody looks at. */
const REMINDER_MS = 10 * 60_000;

export function watchStoreTrouble(clock: Pick<Clock, 'steadyMs'>): StoreTrouble {
  let told = { reason: '', hint: '', atMs: -Infinity };
  return {
    note: (error, log) => {
      const reason = messageOf(error);
      const hint = error instanceof OperatorError ? error.hint : '';
      const atMs = clock.steadyMs();
      if (reason === told.reason && atMs - told.atMs < REMINDER_MS) return;
      log.error('events wait in the spool: the database cannot be used, and is tried again until it can', {
        reason,
        hint: hint || undefined,
      });
      told = { reason, hint, atMs };
    },
    clear: () => {
      told = { reason: '', hint: '', atMs: -Infinity };
    },
    text: () => {
      const { reason, hint } = told;
      if (reason === '') return undefined;
      const fix = hint === '' ? '' : `; fix: ${hint}`;
      return `events wait in the spool, and no push is sent: ${reason}${fix}`;
    },
  };
}
