import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

export interface ProcessEntry {
  pid: number;
  ppid: number;
  pgid: number;
  uid: number;
  /** argv joined with spaces; empty for a zombie. */
  command: string;
}

/** Every live process of the machine, zombies left out. Linux only: read from proc(5). */
export function liveProcesses(): ProcessEntry[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name)) ?? []);
}

/**
 * The processes of one test server: the group of master, and what a handler detached from it, known by the user
 * cyrus and by a path below one of `directories` in its command line, in its environment or among its open files.
 */
export function processesOf(directories: string[], pgid: number, uid: number): ProcessEntry[] {
  const isMentioned = (text: string) => directories.some((directory) => text.includes(directory));
  return liveProcesses().filter(
    (entry) =>
      entry.pgid === pgid ||
      (entry.uid === uid && (isMentioned(entry.command) || tracesOf(entry.pid).some(isMentioned))),
  );
}

/** Sends a signal to a process, or to a group by its negative id; one that is gone already is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

function readProcess(pid: number): ProcessEntry | undefined {
  return unlessGone(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // proc_pid_stat(5): "pid (comm) state ppid pgrp ..."; comm may hold spaces and parentheses.
    const [state, ppid, pgid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === undefined || 'ZX'.includes(state)) return undefined;
    return { pid, ppid: Number(ppid), pgid: Number(pgid), uid: effectiveUid(pid), command: commandLine(pid) };
  });
}

function effectiveUid(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^Uid:\t\d+\t(\d+)/m.exec(status)?.[1]);
}

function commandLine(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
}

/** The environment as one string, and the path of every open file. */
function tracesOf(pid: number): string[] {
  return (
    unlessGone(() => {
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
      return [environment, ...readdirSync(`/proc/${pid}/fd`).map((fd) => openFile(pid, fd))];
    }) ?? []
  );
}

function openFile(pid: number, fd: string): string {
  return unlessGone(() => readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? '';
}

/** Processes and their open files vanish between listing and reading. */
function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ESRCH')) return undefined;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
