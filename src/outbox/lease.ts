import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { MAY_BE_LOST, type Store } from '../db.ts';

/** How many owners this process has named. */
let owners = 0;

/**
 * Names an owner of leases: the PID namespace, the pid and its start time, so that a later process with the same pid
 * is told apart (proc(5)), and a number, since one process may have two deliveries that overlap. It is random where
 * there is no /proc.
 */
export function leaseOwner(): string {
  const namespace = pidNamespace();
  const startTicks = namespace === undefined ? undefined : startTicksOf(process.pid);
  if (namespace === undefined || startTicks === undefined) return `unknown:${randomUUID()}`;
  owners += 1;
  return `${namespace}:${process.pid}:${startTicks}:${owners}`;
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

/** Only a process of our own PID namespace can be judged; the lease of any other simply ends. */
function isDead(owner: string): boolean {
  const [namespace, pid, startTicks] = owner.split(':');
  if (namespace === undefined || namespace !== pidNamespace()) return false;
  return startTicksOf(Number(pid)) !== startTicks;
}

function pidNamespace(): string | undefined {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0];
  } catch {
    return undefined; // no /proc: leases end by time alone
  }
}

/** The start time of a living process: field 22 of /proc/PID/stat (proc(5)), undefined for a zombie. */
function startTicksOf(pid: number): string | undefined {
  const fields = statFields(pid);
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

/** From field 3 on: the command name before may hold spaces and parentheses. */
function statFields(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return []; // no such process
  }
}
