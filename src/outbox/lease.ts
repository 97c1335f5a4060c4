import { randomUUID } from 'node:crypto';
import { MAY_BE_LOST, type Store } from '../db.ts';
import { isDead, processName } from '../process-name.ts';

/** How many owners this process has named. */
let owners = 0;

/**
 * Names an owner of leases: its process, and a number, since one process may have two deliveries that overlap. It is
 * random where the process has no name; such a lease ends by time alone, as that of another PID namespace.
 */
export function leaseOwner(): string {
  const name = processName();
  if (name === undefined) return `unknown:${randomUUID()}`;
  owners += 1;
  return `${name}:${owners}`;
}

/** The pid in an owner's name; undefined where it has none, and of use only where the owner runs on this machine. */
export function pidOf(owner: string): number | undefined {
  const pid = Number(/^\d+:(\d+):/.exec(owner)?.[1]);
  return Number.isNaN(pid) ? undefined : pid;
}

/** Gives rows back whose owner is dead, so that they need not wait for the lease to end. Gives how many. */
export async function releaseDeadLeases(store: Store): Promise<number> {
  const owners = await store.read(
    (sql) =>
      sql('SELECT DISTINCT lease_owner AS owner FROM outbox WHERE lease_owner IS NOT NULL').all() as {
        owner: string;
      }[],
  );
  const dead = owners.filter(({ owner }) => isDead(owner));
  if (dead.length === 0) return 0;
  return store.write((sql) => {
    const release = sql('UPDATE outbox SET lease_owner = NULL, lease_until_ms = NULL WHERE lease_owner = ?');
    return dead.reduce((released, { owner }) => released + release.run(owner).changes, 0);
  }, MAY_BE_LOST);
}
