import { StoreError } from './errors.ts';
import type { StoreOnce } from './open-once.ts';

/** In place of a database that hosts share: a process for each event does not connect to it. */
export function leftToServe(url: string): StoreOnce {
  return {
    get: () => {
      const hint = 'xapplepush serve takes it from there';
      const message = `only serve delivers with the store at ${url}: the event is left to it, in the spool`;
      return Promise.reject(new StoreError(message, { hint, left: true, cause: undefined }));
    },
    fail: () => undefined,
    close: () => undefined,
    leaveOpen: () => undefined,
  };
}
