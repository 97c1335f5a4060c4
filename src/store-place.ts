import { statSync } from 'node:fs';
import type { Store } from './db.ts';
import { StoreError } from './store/errors.ts';

/** Whether the path of an open database leads to its file still. A look is one stat(2), some microseconds. */
export function watchStorePlace({ file }: Store): () => boolean {
  const opened = statSync(file, { throwIfNoEntry: false });
  return () => {
    const now = lookAt(file);
    return now !== undefined && now.ino === opened?.ino && now.dev === opened.dev;
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

/** What is written to a file that was moved away is lost for the one that takes its place. */
export function movedAway(file: string): StoreError {
  return new StoreError(`database ${file} was moved or replaced`, {
    hint: 'the event is kept, and taken when the database is opened anew',
    cause: undefined,
  });
}
