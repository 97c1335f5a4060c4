import { statSync } from 'node:fs';
import type { Clock } from '../process/clock.ts';
import { companionsOf, setCompanionsAside } from '../store/companions.ts';
import type { Store } from '../store/store.ts';
import type { Settings } from './shift.ts';
import { StoreError } from '../store/errors.ts';
import type { StoreTrouble } from './store-trouble.ts';

/** An open database, as long as its path leads to its file. */
export interface StorePlace {
  isInPlace(): boolean;
  /**
   * Throws StoreError where it was moved or replaced: what is written to it would be lost for the one in its place; and
   * where it is closed.
   */
  store(): Store;
  /**
   * Where another file has its place, what this one keeps beside it must not become part of that: it is set aside. Gives
   * what takes that back, for where the other cannot be opened: this one may come back.
   */
  makeWay(): () => void;
  close(): void;
}

/** One stat(2) in a turn of the event loop, however many events come in it. */
export function watchStorePlace(store: Store): StorePlace {
  const opened = statSync(store.file, { throwIfNoEntry: false });
  const companions = companionsOf(store.file); // the same ones until it is closed
  const look = (): boolean => {
    const now = lookAt(store.file);
    return now !== undefined && now.ino === opened?.ino && now.dev === opened.dev;
  };
  let seen: boolean | undefined;
  const isInPlace = (): boolean => {
    if (seen === undefined) setImmediate(() => (seen = undefined));
    return (seen ??= look());
  };
  let isClosed = false;
  return {
    isInPlace,
    store: () => {
      if (isClosed) throw unusable(`database ${store.file} is closed already`);
      if (!isInPlace()) throw unusable(`database ${store.file} was moved or replaced`);
      return store;
    },
    makeWay: () => {
      const isReplaced = !look() && lookAt(store.file) !== undefined;
      return isReplaced ? setCompanionsAside(store.file, undefined, companions) : () => undefined;
    },
    close: () => {
      isClosed = true;
      store.close();
    },
  };
}

/** Of a database that is no file here: it is where it is until it is closed. */
export function placeElsewhere(store: Store): StorePlace {
  let isClosed = false;
  return {
    isInPlace: () => true,
    store: () => {
      if (isClosed) throw unusable(`database ${store.file} is closed already`);
      return store;
    },
    makeWay: () => () => undefined,
    close: () => {
      isClosed = true;
      store.close();
    },
  };
}

/** Undefined where a part of the path is gone, or no folder any more. */
function lookAt(file: string): ReturnType<typeof statSync> {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function unusable(why: string): StoreError {
  const hint = 'the event is kept, and taken when the database is opened anew';
  return new StoreError(why, { hint, cause: undefined });
}

/** Opens what is to work next, beside what works now. */
export async function openInPlaceOf<T>(now: Pick<StorePlace, 'makeWay'>, open: () => Promise<T>): Promise<T> {
  const takeBack = now.makeWay();
  try {
    return await open();
  } catch (error) {
    takeBack();
    throw error;
  }
}

interface Kept {
  /** The shift that works now; it has no store where the database could not be opened yet. */
  current: () => { settings: Settings; store: Store | undefined; isInPlace: () => boolean };
  reopen: () => Promise<void>;
  trouble: StoreTrouble;
  clock: Clock;
}

/** How often it is looked whether the database is the one that was opened, and tried to open it where it is not. */
const LOOK_INTERVAL_MS = 1000;

/** Opens the database where that was not possible, and anew when its file was moved or replaced. */
export async function keepStoreInPlace(
  { current, reopen, trouble, clock }: Kept,
  ending: AbortSignal,
): Promise<void> {
  for (;;) {
    await clock.sleep(LOOK_INTERVAL_MS, ending);
    if (ending.aborted) return;
    const { settings, store: before, isInPlace } = current();
    if (isInPlace()) continue;
    const { config, log } = settings;
    try {
      await reopen();
      if (!current().isInPlace()) continue; // the end came first
      if (before === undefined) log.info('the database can be used now', { store: config.store });
      else
        log.warn('the database was moved or replaced: it is opened anew', {
          store: config.store,
          hint: MOVED,
        });
    } catch (error) {
      trouble.note(error, log);
    }
  }
}

const MOVED =
  'what was written before stays in the file that was moved away, and the newest of it in the -wal.left-over file here';
