import { randomBytes } from 'node:crypto';

/** How events came: by a mail server's own ways, or by HTTP, where whoever reaches the door may write as one does. */
export interface Origin {
  byHttp?: boolean;
}

/** The beginning of a file's name whose events came by HTTP: its content could claim any source. */
const BY_HTTP = 'http.';

/** A name that no other file of the spool has: counters restart with each process, so only randomness keeps them apart. */
export function newName(nowMs: number, { byHttp = false }: Origin): string {
  return `${byHttp ? BY_HTTP : ''}${Math.floor(nowMs)}.${randomBytes(8).toString('hex')}.json`;
}

/** What the name tells of its events. */
export function originOf(name: string): Required<Origin> {
  return { byHttp: name.startsWith(BY_HTTP) };
}
