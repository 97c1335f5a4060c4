import { randomUUID } from 'node:crypto';
import type { Store } from '../store/store.ts';
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
  const dead = (await store.leaseOwners()).filter(isDead);
  return dead.length === 0 ? 0 : store.releaseLeases(dead);
}
