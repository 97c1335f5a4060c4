import { existsSync, type FSWatcher, mkdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../process/clock.ts';
import { messageOf } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import { createBell } from '../delivery/bell.ts';

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

/** What stays as it is, such as an imapd.conf that cannot be read, is told so often. */
const REMINDER_MS = 10 * 60_000;

/** Takes files of the spool as they come; `close` returns when the one at hand is taken. */
export function openSpoolDoor(options: SpoolDoorOptions): { close(): Promise<void> } {
  const { spool, clock, log } = options;
  const ending = new AbortController();
  const bell = createBell(ending.signal);
  const watcher = watchFolder(join(spool, 'new'), () => bell.ring(), log);
  const trouble = openTrouble(clock, log);
  const sweeping = (async () => {
    while (!ending.signal.aborted) {
      bell.reset();
      try {
        await options.drain();
        trouble.clear();
        await clock.sleep(SWEEP_INTERVAL_MS, bell.signal);
      } catch (error) {
        trouble.note(messageOf(error));
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

/** Tells another reason at once, and the same one now and then. */
function openTrouble(clock: Clock, log: Log): { note(reason: string): void; clear(): void } {
  let told = { reason: '', atMs: -Infinity };
  return {
    note: (reason) => {
      const atMs = clock.steadyMs();
      if (reason === told.reason && atMs - told.atMs < REMINDER_MS) return;
      log.error('the spool cannot be read now, its files are kept', { reason });
      told = { reason, atMs };
    },
    clear: () => {
      told = { reason: '', atMs: -Infinity };
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
