import { setTimeout as pause } from 'node:timers/promises';
import { StoreError } from '../errors.ts';

/**
 * Gives a function that does once what comes before all else; after a failure whoever asks next does it again. Whoever
 * asks meanwhile waits until `waitMs` after its start, no longer: a migration may take minutes, and events go into the
 * spool then.
 */
export function createPreparation<With>(
  prepare: (given: With) => Promise<void>,
  waitMs: number,
  name: string,
): (given: With) => Promise<void> {
  let preparing: Promise<void> | undefined;
  let startedMs = 0; // by a clock that nobody sets
  let isDone = false;
  return async (given) => {
    if (isDone) return;
    if (preparing !== undefined) {
      await sooner(preparing, startedMs + waitMs - performance.now(), name);
      return;
    }
    startedMs = performance.now();
    preparing = prepare(given);
    try {
      await preparing;
      isDone = true;
    } finally {
      preparing = undefined;
    }
  };
}

async function sooner(preparing: Promise<void>, leftMs: number, name: string): Promise<void> {
  const ending = new AbortController();
  const tooLate = pause(Math.max(0, leftMs), undefined, ending).then(() => {
    throw busy(name);
  });
  try {
    await Promise.race([preparing, tooLate]);
  } finally {
    ending.abort();
    tooLate.catch(() => undefined); // it has ended the race, or was ended
  }
}

function busy(name: string): StoreError {
  const hint = 'wait until that is done; events go into the spool meanwhile';
  return new StoreError(`the schema of database ${name} is being made or brought up to date`, {
    hint,
    busy: true,
    cause: undefined,
  });
}
