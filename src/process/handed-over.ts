import type { Log } from './log.ts';

/** As the units in examples/systemd name them by FileDescriptorName=. */
const NAMES = ['cyrus', 'http', 'dict', 'control'] as const;
export type SocketName = (typeof NAMES)[number];

/** The descriptors of listening sockets that systemd holds; a name may have several. */
export type HandedOver = Readonly<Record<SocketName, readonly number[]>>;

export const NOTHING_HANDED_OVER: HandedOver = { cyrus: [], http: [], dict: [], control: [] };

/**
 * Takes the sockets that systemd hands over (sd_listen_fds(3)), and their variables out of the environment, so that no
 * child takes them for its own. Tells what it cannot use.
 */
export function takeHandedOver(
  environment: NodeJS.ProcessEnv,
  pid: number,
  log: Pick<Log, 'warn'>,
): HandedOver {
  const { sockets, problems } = readHandedOver(environment, pid);
  for (const name of VARIABLES) Reflect.deleteProperty(environment, name);
  for (const reason of problems) log.warn('a socket of systemd is not used', { reason });
  return sockets;
}

const VARIABLES = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'LISTEN_PIDFDID'];

/** SD_LISTEN_FDS_START of sd_listen_fds(3). */
const FIRST_FD = 3;

/** Far more than anybody has sockets, and far less than makes a loop of it. */
const MAX_FDS = 100;

/** What sd_listen_fds_with_names(3) calls a descriptor without a name. */
const UNNAMED = 'unknown';

/** The same without the telling. */
export function readHandedOver(
  environment: NodeJS.ProcessEnv,
  pid: number,
): { sockets: HandedOver; problems: string[] } {
  const { descriptors, problem } = readDescriptors(environment, pid);
  const names = (environment['LISTEN_FDNAMES'] ?? '')
    .split(':')
    .map((name) => (name === '' ? UNNAMED : name));
  const sockets: Record<SocketName, number[]> = { cyrus: [], http: [], dict: [], control: [] };
  const problems = problem === undefined ? [] : [problem];
  for (const [index, descriptor] of descriptors.entries()) {
    const given = names[index] ?? UNNAMED;
    const known = NAMES.find((name) => name === given);
    if (known === undefined)
      problems.push(`descriptor ${descriptor} has the name ${given}, expected ${EXPECTED}`);
    else sockets[known].push(descriptor);
  }
  return { sockets, problems };
}

/** The descriptors that systemd hands to this process, whatever their names; or none, and why where it meant some. */
export function readDescriptors(
  { LISTEN_PID, LISTEN_FDS }: NodeJS.ProcessEnv,
  pid: number,
): { descriptors: number[]; problem?: string } {
  if (LISTEN_FDS === undefined) return { descriptors: [] };
  const nothing = (problem: string) => ({ descriptors: [], problem });
  if (LISTEN_PID !== String(pid))
    return nothing(`LISTEN_PID is ${LISTEN_PID ?? 'not set'}, expected ${pid}: they are another process's`);
  const count = /^\d{1,3}$/.test(LISTEN_FDS) ? Number(LISTEN_FDS) : NaN;
  if (!(count <= MAX_FDS)) return nothing(`LISTEN_FDS is ${LISTEN_FDS}, expected a number up to ${MAX_FDS}`);
  return { descriptors: Array.from({ length: count }, (_, index) => FIRST_FD + index) };
}

const EXPECTED = `FileDescriptorName= ${NAMES.join(', ')}`;
