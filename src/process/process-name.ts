import { readFileSync, readlinkSync } from 'node:fs';
import { uptime } from 'node:os';

/**
 * Names this process so that others can tell whether it lives: the PID namespace, the pid and its start time, by which
 * a later process with the same pid is told apart (proc(5)). Undefined where there is no /proc.
 */
export function processName(): string | undefined {
  return (ownName ??= nameOwn());
}

/** It never changes. */
let ownName: string | undefined;

function nameOwn(): string | undefined {
  const namespace = pidNamespace();
  const startTicks = namespace === undefined ? undefined : startTicksOf(process.pid);
  if (namespace === undefined || startTicks === undefined) return undefined;
  return `${namespace}:${process.pid}:${startTicks}`;
}

/** Whether the process of that name, or of one that begins with it, has ended. False where that cannot be seen. */
export function isDead(name: string): boolean {
  return runs(name) === false;
}

/** The same, and false where that cannot be seen. */
export function isAlive(name: string): boolean {
  return runs(name) === true;
}

/** Undefined for what is no name, and for one of another PID namespace than our own. */
function runs(name: string): boolean | undefined {
  const [namespace, pid, startTicks] = name.split(':');
  if (startTicks === undefined || namespace !== pidNamespace()) return undefined;
  return startTicksOf(Number(pid)) === startTicks;
}

/** Clock ticks in a second, the same for every program on Linux (proc(5), sysconf(3): _SC_CLK_TCK). */
const TICKS_A_SECOND = 100;

/** How long the process with that pid has lived, by a clock that nobody sets; undefined where there is none. */
export function lifeMsOf(pid: number): number | undefined {
  const startTicks = startTicksOf(pid);
  // Since the machine started, also where /proc shows processes alone (ProcSubset=pid in the unit).
  const uptimeMs = uptime() * 1000;
  return startTicks === undefined ? undefined : uptimeMs - (Number(startTicks) * 1000) / TICKS_A_SECOND;
}

function pidNamespace(): string | undefined {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0];
  } catch {
    return undefined; // no /proc
  }
}

/** The start time of a living process: field 22 of /proc/PID/stat (proc(5)), undefined for a zombie. */
function startTicksOf(pid: number): string | undefined {
  const fields = statFields(pid);
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

/** Fields from the third on: the command name before them may hold spaces and parentheses. */
function statFields(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return []; // no such process
  }
}
