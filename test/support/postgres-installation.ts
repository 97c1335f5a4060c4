import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { idOf, tool } from './cyrus-installation.ts';
import type { Availability } from './needs.ts';

/** What a PostgreSQL of the tests' own is made of. */
export interface PostgresInstallation {
  /** The folder of initdb and postgres. */
  bin: string;
  /** Whom it runs as: both programs refuse root. Undefined: whoever runs the tests. */
  user: { uid: number; gid: number } | undefined;
  /** timeout(1) of coreutils. */
  timeout: string;
}

const INSTALL = 'apt-get install -y --no-install-recommends postgresql && npm test';

/** Where Debian has a folder for each version. */
const VERSIONS = '/usr/lib/postgresql';

export function postgresAvailability(): Availability {
  const found = findPostgres();
  return 'why' in found ? { available: false, why: found.why, install: INSTALL } : { available: true };
}

/** The installation, or an error with the reason why there is none. */
export function postgresInstallation(): PostgresInstallation {
  const found = findPostgres();
  if ('why' in found) throw new Error(`${found.why} (${INSTALL})`);
  return found;
}

function findPostgres(): PostgresInstallation | { why: string } {
  const bin = versions()
    .map((version) => join(VERSIONS, version, 'bin'))
    .find((folder) => existsSync(join(folder, 'initdb')));
  if (bin === undefined) return { why: `no PostgreSQL in ${VERSIONS}` };
  const timeout = tool('timeout');
  if (timeout === undefined) return { why: 'timeout (coreutils) is not installed' };
  if (process.getuid?.() !== 0) return { bin, user: undefined, timeout };
  const [uid, gid] = [idOf('-u', 'postgres'), idOf('-g', 'postgres')];
  if (uid === undefined || gid === undefined) return { why: 'there is no user postgres' };
  return { bin, user: { uid, gid }, timeout };
}

/** The newest first. */
function versions(): string[] {
  return existsSync(VERSIONS) ? readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a)) : [];
}
