import type { Clock } from '../process/clock.ts';
import { messageOf, OperatorError } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import { createReminder } from '../process/reminder.ts';

/** What keeps a `serve` from its database. */
export interface StoreTrouble {
  /** It could not be opened, or written: the log is told of another reason at once, of the same now and then. */
  note(error: unknown, log: Pick<Log, 'error'>): void;
  /** It can be written. */
  clear(): void;
  /** In one sentence with its fix; undefined where nothing does. */
  text(): string | undefined;
}

export function watchStoreTrouble(clock: Pick<Clock, 'steadyMs'>): StoreTrouble {
  const reminder = createReminder(clock);
  let text: string | undefined;
  return {
    note: (error, log) => {
      const reason = messageOf(error);
      const hint = error instanceof OperatorError && error.hint !== '' ? error.hint : undefined;
      const fix = hint === undefined ? '' : `; fix: ${hint}`;
      text = `events wait in the spool, and no push is sent: ${reason}${fix}`;
      if (!reminder.isDue(reason)) return;
      log.error('events wait in the spool: the database cannot be used, and is tried again until it can', {
        reason,
        hint,
      });
    },
    clear: () => {
      reminder.clear();
      text = undefined;
    },
    text: () => text,
  };
}
