import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { eventually } from './command.ts';

/** Those who are connected to the Unix sockets of a process. */
export interface UnixClients {
  /** The process has them: if it dies, they are gone. */
  accepted: number;
  /** They wait in the backlog, which belongs to the socket. */
  waiting: number;
}

/** proc_pid_net(5), unix: number, references, protocol, flags, type, state, inode, path. */
const [FLAGS, STATE, INODE, PATH] = [3, 5, 6, 7] as const;

/** From include/uapi/linux/net.h; a socket that listens has the flag __SO_ACCEPTCON. */
const LISTENS = '00010000';
const [CONNECTING, CONNECTED] = ['02', '03'];

/** Seen from outside, whether or not the process is stopped. Linux only. */
export function unixClientsOf(pid: number): UnixClients {
  const lines = readFileSync(`/proc/${pid}/net/unix`, 'utf8').trim().split('\n').slice(1);
  const sockets = lines.map((line) => line.trim().split(/ +/));
  const own = socketInodesOf(pid);
  const listening = sockets.filter((each) => each[FLAGS] === LISTENS && own.has(each[INODE]!));
  const paths = new Set(listening.map((each) => each[PATH]));
  const clients = sockets.filter((each) => each[FLAGS] !== LISTENS && paths.has(each[PATH]));
  return {
    accepted: clients.filter((each) => each[STATE] === CONNECTED && own.has(each[INODE]!)).length,
    waiting: clients.filter((each) => each[STATE] === CONNECTING).length,
  };
}

/**
 * The process that does the work: where Node cannot change its user, root's command goes on in a child by setpriv.
 * Any other child, such as the mkfifo of the doorbell, is none.
 */
export function workerOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const isRoot = /^Uid:\t0\t/m.test(status);
  return isRoot ? childOf(pid) : pid;
}

/** The first process that it has started. */
export function childOf(pid: number): number {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
  return Number(child);
}

/** Stops a process, so that what is seen of it is what is so when it is killed. */
export async function freeze(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await eventually(
    () => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0],
    (state) => state === 'T',
  );
}

function socketInodesOf(pid: number): Set<string> {
  const targets = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return ''; // closed meanwhile
    }
  });
  return new Set(targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []));
}
