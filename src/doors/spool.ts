import { existsSync, type FSWatcher, mkdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../process/clock.ts';
import { messageOf, OperatorError } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import { createReminder } from '../process/reminder.ts';
import { createBell } from '../process/bell.ts';

export interface SpoolDoorOptions {
  spool: string;
  /** Takes every file that waits. */
  drain: () => Promise<unknown>;
  clock: Clock;
  log: Log;
}

/** The safety net under inotify(7), which may lose events and does not work on every file system. */
const SWEEP_INTERVAL_MS = 5000;

/** While the database is locked every look at the spool holds all doors up, and a file put back rings the bell. */
const TROUBLE_WAIT_MS = 1000;

/** Takes files of the spool as they come; `close` returns when the one at hand is taken. */
export function openSpoolDoor(options: SpoolDoorOptions): { close(): Promise<void> } {
  const { spool, clock, log } = options;
  const ending = new AbortController();
  const bell = createBell(ending.signal);
  const watcher = watchFolder(join(spool, 'new'), () => bell.ring(), log);
  const reminder = createReminder(clock); // such as of an imapd.conf that cannot be read
  const sweeping = (async () => {
    while (!ending.signal.aborted) {
      bell.reset();
      try {
        await options.drain();
        reminder.clear();
        await clock.sleep(SWEEP_INTERVAL_MS, bell.signal);
      } catch (error) {
        const reason = messageOf(error);
        const hint = error instanceof OperatorError ? error.hint : undefined;
        if (reminder.isDue(reason))
          log.error('not all of the spool can be taken now: the rest is kept', { reason, hint });
        await clock.sleep(TROUBLE_WAIT_MS, ending.signal);
      }
    }
  })();
  return {
    close: async () => {
      watcher?.close();
      ending.abort();
      await sweeping;
    },
  };
}

/** Undefined where the folder cannot be watched: then the sweep alone finds the files. */
function watchFolder(folder: string, onChange: () => void, log: Log): FSWatcher | undefined {
  try {
    if (!existsSync(folder)) mkdirSync(folder, { recursive: true, mode: 0o700 });
    const watcher = watch(folder, onChange);
    watcher.on('error', (error) =>
      log.warn('the spool is no longer watched, only swept', { reason: error.message }),
    );
    return watcher;
  } catch (error) {
    log.warn('the spool is not watched, only swept', { reason: messageOf(error) });
    return undefined;
  }
}
