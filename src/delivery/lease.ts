import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { isDead, processName } from '../process/process-name.ts';
import type { Store } from '../store/store.ts';

/** How many owners this process has named. */
let owners = 0;

/**
 * Names an owner of leases: its process, a number, since one process may have two deliveries that overlap, and its host,
 * since the first PID namespace bears the same name on every Linux host. It is random where the process has no name; such
 * a lease ends by time alone, as that of another PID namespace.
 */
export function leaseOwner(): string {
  const name = processName();
  if (name === undefined) return `unknown:${randomUUID()}`;
  owners += 1;
  return `${name}:${owners}@${hostId()}`;
}

/**
 * A host's own and the same after a restart; machines that were cloned with their id have other names. machine-id(5) asks
 * not to show the id itself to others.
 */
function hostId(): string {
  return createHash('sha256').update(`xapplepush ${machineId()} ${hostname()}`).digest('hex').slice(0, 12);
}

function machineId(): string {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim();
  } catch {
    return ''; // no systemd
  }
}

/** Whether a process of this host has that name and has ended; what another host does cannot be seen. */
export function isDeadOwner(owner: string): boolean {
  const [name = '', host = hostId()] = owner.split('@'); // programs before this one named no host
  return host === hostId() && isDead(name);
}

/** Whether a process of this host has that name, dead or alive. */
export function isOfThisHost(owner: string): boolean {
  return owner.endsWith(`@${hostId()}`);
}

/** The pid in an owner's name; undefined where it has none, and of use only where the owner runs on this machine. */
export function pidOf(owner: string): number | undefined {
  const pid = Number(/^\d+:(\d+):/.exec(owner)?.[1]);
  return Number.isNaN(pid) ? undefined : pid;
}

/** Releases the leases of dead owners before their time. Gives how many rows. */
export async function releaseDeadLeases(store: Store): Promise<number> {
  const dead = (await store.leaseOwners()).filter(isDeadOwner);
  return dead.length === 0 ? 0 : store.releaseLeases(dead);
}
