import { readFileSync, realpathSync } from 'node:fs';
import { isMissing } from '../process/errors.ts';

/** unix(7): all sockets that processes of this network have bound, the name last. */
const BOUND = '/proc/net/unix';

/** Whether a process has this socket open: one that ended leaves the file. True where the system does not say. */
export function isListenedOn(path: string): boolean {
  const names = boundNames();
  if (names === undefined) return true;
  const real = realPath(path);
  return names.some((name) => name === path || (name.startsWith('/') && realPath(name) === real));
}

function boundNames(): string[] | undefined {
  try {
    const lines = readFileSync(BOUND, 'utf8').split('\n').slice(1);
    return lines.flatMap((line) => /(?:\S+\s+){7}(\/.*)$/.exec(line)?.[1] ?? []);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** As it is where it leads nowhere. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path; // the file of the socket was removed, which keeps nobody from listening
  }
}
