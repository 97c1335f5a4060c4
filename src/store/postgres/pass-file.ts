import { readFileSync, statSync } from 'node:fs';

/** Whose password is looked for. */
export interface Login {
  /** A name, an address, or the folder of a Unix socket. */
  host: string;
  port: number;
  database: string;
  user: string;
}

/** Where Debian's libpq has its socket: a file of passwords calls it localhost. */
const SOCKET_FOLDER = '/var/run/postgresql';

/** A line: host, port, database, user and password; a colon or a backslash in one of them has a backslash before it. */
const LINE = /^((?:\\.|[^:\\])*):((?:\\.|[^:\\])*):((?:\\.|[^:\\])*):((?:\\.|[^:\\])*):(.*)$/;

/**
 * The password of the first line that fits, as libpq takes it (https://www.postgresql.org/docs/current/libpq-pgpass.html);
 * undefined where none does. `pgpass`, which pg would ask, warns on standard error past the log, tells nobody a file that
 * it may not use, and goes from pg with its next release.
 */
export function passwordFor({ host, port, database, user }: Login, text: string): string | undefined {
  const wanted = [host === SOCKET_FOLDER ? 'localhost' : host, String(port), database, user];
  for (const line of text.split(/\r?\n/)) {
    const fields = line.startsWith('#') ? undefined : LINE.exec(line)?.slice(1).map(unescaped);
    const fits = (value: string, n: number): boolean => fields?.[n] === '*' || fields?.[n] === value;
    if (fields !== undefined && wanted.every(fits)) return fields[4];
  }
  return undefined;
}

function unescaped(field: string): string {
  return field.replaceAll(/\\(.)/g, '$1');
}

/** Or why libpq would not use it. */
export function readPassFile(file: string): { text: string } | { problem: string } {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return { problem: 'is not there' };
  if (!stat.isFile()) return { problem: 'is no file' };
  if ((stat.mode & 0o077) !== 0) return { problem: 'may be read by others: chmod 600' };
  return { text: readFileSync(file, 'utf8') };
}
