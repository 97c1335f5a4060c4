import { setImmediate as nextTurn } from 'node:timers/promises';
import { join } from 'node:path';
import { COLLECTION_KINDS, type CollectionKind } from '../mailboxes/collection.ts';
import { changed, countBad, namesIn } from '../spool/spool.ts';
import type { Store } from '../store/store.ts';

export interface Figures {
  /** Of Mail. */
  targets: number;
  collections: Record<CollectionKind, number>;
  waiting: number;
  /** When the first event of the oldest waiting push came, in milliseconds since the epoch; undefined where none waits. */
  oldestMs: number | undefined;
}

/** Rows that are looked at in one go: about a millisecond's work, so that no event waits longer for its turn. */
const PIECE_ROWS = 2500;

/** The store's figures for the metrics, read in short turns, since there may be millions of rows. */
export async function storeFigures(store: Store): Promise<Figures> {
  const figures: Figures = {
    ...{ targets: 0, waiting: 0, oldestMs: undefined },
    collections: { calendar: 0, contacts: 0 },
  };
  await inPieces(
    (after) => store.tallyTargets(after, PIECE_ROWS),
    (piece) => {
      figures.targets += piece.rows - piece.calendar - piece.contacts;
      for (const kind of COLLECTION_KINDS) figures.collections[kind] += piece[kind];
    },
  );
  await inPieces(
    (after) => store.tallyWaiting(after, PIECE_ROWS),
    ({ rows, oldestMs }) => {
      figures.waiting += rows;
      figures.oldestMs = Math.min(figures.oldestMs ?? oldestMs, oldestMs);
    },
  );
  return figures;
}

async function inPieces<T extends { last: number }>(
  look: (after: number) => Promise<T | undefined>,
  add: (piece: T) => void,
): Promise<void> {
  for (let after = 0; ;) {
    const piece = await look(after);
    if (piece === undefined) return;
    add(piece);
    after = piece.last;
    await nextTurn();
  }
}

/** What the metrics say of the spool. */
export interface SpoolFigures {
  waiting: number;
  bad: number;
  /** The age of the oldest file that waits; 0 where none does. */
  oldestMs: number;
}

/** Files that are looked at in one go: a millisecond or two. */
const PIECE_FILES = 500;

/** Read in short turns as well: a spool that nobody drains may hold hundreds of thousands of files. Throws errno errors. */
export async function spoolFigures(spool: string, nowMs: number): Promise<SpoolFigures> {
  const names = namesIn(spool, 'new');
  let oldestAtMs = nowMs;
  for (let from = 0; from < names.length; from += PIECE_FILES) {
    for (const name of names.slice(from, from + PIECE_FILES))
      oldestAtMs = Math.min(oldestAtMs, changed(join(spool, 'new', name))?.mtimeMs ?? nowMs);
    await nextTurn();
  }
  return { waiting: names.length, bad: countBad(spool), oldestMs: Math.round(nowMs - oldestAtMs) };
}
