import { homedir } from 'node:os';
import { join } from 'node:path';

/** What libpq reads of the environment (https://www.postgresql.org/docs/current/libpq-envars.html) and is read here. */
export interface LibpqEnvironment {
  password: string | undefined;
  passFile: string;
  /** The user's, then the system's. */
  serviceFiles: readonly string[];
}

/** Where Debian's libpq has the file for all users. */
const SYSTEM_FOLDER = '/etc/postgresql-common';

export function libpqEnvironment(): LibpqEnvironment {
  const { PGPASSWORD, PGPASSFILE, PGSERVICEFILE, PGSYSCONFDIR = SYSTEM_FOLDER } = process.env;
  return {
    password: unlessEmpty(PGPASSWORD),
    passFile: unlessEmpty(PGPASSFILE) ?? join(homedir(), '.pgpass'),
    serviceFiles: [
      PGSERVICEFILE ?? join(homedir(), '.pg_service.conf'),
      join(PGSYSCONFDIR, 'pg_service.conf'),
    ],
  };
}

/** An empty one counts as unset, as for libpq. */
function unlessEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
