import type { Log } from './log.ts';

/** A log that writes to whichever is current at that moment. */
export function followLog(current: () => Log): Log {
  return {
    get tell() {
      return current().tell;
    },
    get file() {
      return current().file;
    },
    debug: (message, fields) => current().debug(message, fields),
    info: (message, fields) => current().info(message, fields),
    warn: (message, fields) => current().warn(message, fields),
    error: (message, fields) => current().error(message, fields),
  };
}

/** Writes nothing. */
export const SILENT: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
