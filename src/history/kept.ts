import type { Config } from '../config/config.ts';
import type { Clock } from '../process/clock.ts';
import type { SharedVerbs } from '../store/shared.ts';
import { withStore } from '../store/configured.ts';
import type { Store } from '../store/store.ts';
import type { Entry } from './entry.ts';
import { followHistory } from './follow.ts';
import { historyFolder } from './history.ts';
import { readHistory, type Selection } from './read.ts';
import { type Bounds, discardOld, type Shelf, SHELVES } from './shelf.ts';
import { discardShared, followShared, readShared } from './shared.ts';
import { readingHistory } from './unreadable.ts';

/** The history where it is kept: in files beside the store, or in the store that hosts share. */
export interface KeptHistory {
  /** Whether entries tell their host. */
  readonly isShared: boolean;
  /** The newest entries that are wanted, oldest first. */
  read(selection: Selection): Promise<Entry[]>;
  /** Gives every entry that is written from now on, until the signal aborts. */
  follow(options: Following): Promise<void>;
  /** Throws away what is too old or too much, or in a rehearsal nothing. Gives the bytes. */
  discard(bounds: Bounds, terms: DiscardTerms): Promise<number>;
}

export interface DiscardTerms {
  nowMs: number;
  dryRun: boolean;
  /** Ends it in the middle. */
  signal?: AbortSignal | undefined;
}

export interface Following {
  shelves?: readonly Shelf[];
  clock: Clock;
  signal: AbortSignal;
  onEntry: (entry: Entry) => void;
}

/** For whoever has the store open. */
export function keptHistory(config: Pick<Config, 'store'>, { shared }: Pick<Store, 'shared'>): KeptHistory {
  return shared === undefined ? inFiles(historyFolder(config.store)) : inStore(shared);
}

/** For whoever needs the history alone: one in files can be read where the database cannot be. */
export async function withHistory<T>(
  config: Pick<Config, 'store' | 'postgres'>,
  body: (history: KeptHistory) => Promise<T>,
): Promise<T> {
  return config.postgres === undefined
    ? body(keptHistory(config, {}))
    : withStore(config, (store) => body(keptHistory(config, store)));
}

function inFiles(folder: string): KeptHistory {
  return {
    isShared: false,
    read: (selection) => readingHistory(folder, () => readHistory(folder, selection)),
    follow: (options) => readingHistory(folder, () => followHistory({ ...options, folder })),
    discard: (bounds, terms) => {
      const bytes = SHELVES.map((shelf) => discardOld(folder, shelf, bounds, terms));
      return Promise.resolve(bytes.reduce((sum, each) => sum + each, 0));
    },
  };
}

function inStore(verbs: SharedVerbs): KeptHistory {
  return {
    isShared: true,
    read: (selection) => readShared(verbs, selection),
    follow: (options) => followShared(verbs, options),
    discard: (bounds, terms) => discardShared(verbs, bounds, terms),
  };
}
