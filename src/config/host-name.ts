import { hostname } from 'node:os';

/** What this host is called among those that share a PostgreSQL: as the configuration has it, else its hostname. */
export function hostNameOf({ host }: { host?: string | undefined } = {}): string {
  return host ?? hostname();
}
