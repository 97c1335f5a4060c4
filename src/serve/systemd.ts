import { spawn } from 'node:child_process';
import type { Clock } from '../process/clock.ts';
import { messageOf } from '../process/errors.ts';
import type { Log } from '../process/log.ts';

/** What systemd is told; nothing where it did not start us with Type=notify. */
export interface ServiceManager {
  /** Start-up, or a reload, is complete. */
  ready: () => Promise<void>;
  /** What `systemctl status` shows, in one line. */
  status: (text: string) => Promise<void>;
  reloading: () => Promise<void>;
  stopping: () => Promise<void>;
  /** Keeps the watchdog quiet while `isWell`, until the signal; ends at once where there is no watchdog. */
  watch: (isWell: () => boolean, signal: AbortSignal) => Promise<void>;
}

export interface ServiceManagerOptions {
  /** NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID, PATH. */
  environment: NodeJS.ProcessEnv;
  clock: Clock;
  log: Pick<Log, 'warn'>;
}

/**
 * Speaks sd_notify(3) by way of the command systemd-notify, since Node has no datagram sockets of that family. It
 * stays until systemd has read the message, so that systemd can tell whose child it is (NotifyAccess=all). The
 * watchdog too costs one such process of some milliseconds for each half of WatchdogSec=, which needs no helper that
 * could outlive or outlast us: a beat is sent only by an event loop that turns.
 */
export function serviceManager({ environment, clock, log }: ServiceManagerOptions): ServiceManager {
  const tell = createTeller(environment, log);
  return {
    ready: () => tell('READY=1'),
    status: (text) => tell(`STATUS=${text.replaceAll('\n', '; ')}`),
    reloading: () => tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    stopping: () => tell('STOPPING=1'),
    watch: async (isWell, signal) => {
      const intervalMs = beatIntervalMs(environment);
      while (intervalMs !== undefined && !signal.aborted) {
        if (isWell()) await tell('WATCHDOG=1');
        await clock.sleep(intervalMs, signal);
      }
    },
  };
}

/** Half the time that systemd waits for, as sd_watchdog_enabled(3) advises; undefined without a watchdog. */
function beatIntervalMs({
  NOTIFY_SOCKET,
  WATCHDOG_USEC,
  WATCHDOG_PID,
}: NodeJS.ProcessEnv): number | undefined {
  const isForUs = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === process.pid;
  const intervalMs = Math.floor(Number(WATCHDOG_USEC) / 2000);
  return NOTIFY_SOCKET !== undefined && isForUs && intervalMs > 0 ? intervalMs : undefined;
}

type Tell = (...assignments: string[]) => Promise<void>;

function createTeller(environment: NodeJS.ProcessEnv, log: ServiceManagerOptions['log']): Tell {
  const { NOTIFY_SOCKET } = environment;
  if (NOTIFY_SOCKET === undefined || NOTIFY_SOCKET === '') return () => Promise.resolve();
  const PATH = environment['PATH'] ?? '/usr/bin:/bin';
  let told = false; // the same trouble comes back with each beat
  return async (...assignments) => {
    const trouble = await run(assignments, { NOTIFY_SOCKET, PATH });
    if (trouble !== undefined && !told) log.warn('systemd is not told', { assignments, reason: trouble });
    told = trouble !== undefined;
  };
}

/** systemd-notify itself gives up after 5 s; a beat that is late is no reason to hang. */
const TIMEOUT_MS = 10_000;

/** Gives what went wrong. */
function run(assignments: string[], env: NodeJS.ProcessEnv): Promise<string | undefined> {
  return new Promise<string | undefined>((resolve) => {
    const child = spawn('systemd-notify', assignments, { env, stdio: 'ignore', timeout: TIMEOUT_MS });
    child.on('error', (error) => resolve(messageOf(error)));
    child.on('exit', (code, signal) =>
      resolve(code === 0 ? undefined : `systemd-notify ended with ${code ?? signal ?? 'an unknown status'}`),
    );
  }).catch(messageOf); // Node throws where there is no memory for a process, and for others tells by the event
}
