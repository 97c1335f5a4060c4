import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import { dueWrites } from '../process/due-writes.ts';
import { messageOf } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import { concernsDevice, type Entry, lineOf } from './entry.ts';
import { append, type Shelf, SHELVES } from './shelf.ts';

/** Remembers what was decided and what Apple said, for the person who asks later. */
export interface History {
  /** Written down when this turn of the event loop or the process ends. Never throws: mail goes on without a history. */
  record(entry: Entry): void;
}

export interface HistoryOptions {
  config: Pick<Config, 'store' | 'history'>;
  clock: Clock;
  log: Log;
  /** The process ends as soon as its work is done: entries are written at its exit, not in the next turn. */
  endsAtOnce?: boolean;
}

/** The history beside the store. What is recorded in one turn is written together. */
export function openHistory({ config, clock, log, endsAtOnce = false }: HistoryOptions): History {
  const folder = historyFolder(config.store);
  const waiting: Record<Shelf, string[]> = { devices: [], others: [] };
  let isWarned = false;
  const write = (): void => {
    dueWrites.delete(write);
    for (const shelf of SHELVES) {
      const lines = waiting[shelf].splice(0).join('');
      try {
        if (lines !== '') append(folder, shelf, lines, config.history, clock.nowMs());
      } catch (error) {
        if (!isWarned) log.warn('the history cannot be written', { folder, reason: messageOf(error) });
        isWarned = true;
      }
    }
  };
  return {
    record: (entry) => {
      if (config.history.maxEntries === 0) return;
      waiting[concernsDevice(entry) ? 'devices' : 'others'].push(lineOf(entry));
      if (dueWrites.has(write)) return;
      dueWrites.add(write);
      if (!endsAtOnce) setImmediate(write);
    },
  };
}

/** `/var/lib/xapplepush/xapplepush.db` has its history in `/var/lib/xapplepush/xapplepush.history`. */
export function historyFolder(store: string): string {
  const dot = store.lastIndexOf('.');
  const hasExtension = dot > store.lastIndexOf('/') + 1; // a name that only begins with a dot has none
  return `${hasExtension ? store.slice(0, dot) : store}.history`;
}
