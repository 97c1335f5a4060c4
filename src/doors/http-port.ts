import type { Server } from 'node:net';
import type { Clock } from '../process/clock.ts';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';
import type { Answer } from '../delivery/poke.ts';
import { BACKLOG, listening } from '../sockets/unix-socket.ts';

/** How long the `serve` before may take to free the port, and how often it is tried. */
const YIELDING_TIMEOUT_MS = 15_000;
const YIELDING_INTERVAL_MS = 20;

/**
 * A `serve` that has just taken over from another hears at the control socket within a second. A deliverer that has it
 * makes way for that `serve` as soon as Apple has answered, or has not for ten seconds.
 */
const ASKING_TIMEOUT_MS = 3000;
const ASKING_INTERVAL_MS = 200;

/** How a port is waited for. */
export interface PortPatience {
  /** Asks the `serve` that listens at that address to end, for this one takes its place; `no`: who answered is not it. */
  askToYield: (address: string) => Promise<Answer>;
  /** Whether it waits for a former `serve` to let go: true while this one begins. */
  isPatient: boolean;
  /** Once it aborts, nobody is waited for. */
  ending: AbortSignal;
  clock: Clock;
}

/** Two cannot listen on a port: where the one before gives way, it is taken as soon as it is free. */
export async function listenOnPort(
  server: Server,
  place: { host: string; port: number },
  { askToYield, isPatient, ending, clock }: PortPatience,
): Promise<void> {
  const name = nameOf(place.host, place.port);
  const isTooLong = createPatience(clock, isPatient ? ASKING_TIMEOUT_MS : 0);
  let answer: Answer;
  for (;;) {
    const failure = await failureAt(server, place);
    if (failure === undefined) return;
    if (failure.code !== 'EADDRINUSE') throw cannotListen(name, failure);
    if (answer !== 'ok') answer = await askToYield(name);
    if (ending.aborted || isTooLong(answer)) throw cannotListen(name, failure);
    await clock.sleep(answer === 'ok' ? YIELDING_INTERVAL_MS : ASKING_INTERVAL_MS, ending);
  }
}

/** Gives a function that says after each answer whether it has been asked for too long. */
function createPatience(clock: Clock, askingTimeoutMs: number): (answer: Answer) => boolean {
  const startMs = clock.steadyMs();
  let answeredMs = startMs;
  return (answer) => {
    const nowMs = clock.steadyMs();
    if (answer !== undefined) answeredMs = nowMs;
    const isLost = answer !== 'ok' && nowMs >= answeredMs + askingTimeoutMs;
    return isLost || nowMs >= startMs + YIELDING_TIMEOUT_MS;
  };
}

/** Undefined where the server listens. */
async function failureAt(
  server: Server,
  { host, port }: { host: string; port: number },
): Promise<NodeJS.ErrnoException | undefined> {
  return listening(server, () => server.listen({ host, port, backlog: BACKLOG })).then(
    () => undefined,
    (error: unknown) => error as NodeJS.ErrnoException,
  );
}

export function nameOf(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function cannotListen(name: string, cause: NodeJS.ErrnoException): OperatorError {
  return new OperatorError(`serve.http: cannot listen on ${name}: ${messageOf(cause)}`, {
    exitCode: ExitCode.tryAgain,
    hint: HINTS.get(cause.code ?? '') ?? 'choose another address for serve.http',
    cause,
  });
}

const HINTS = new Map([
  ['EADDRINUSE', 'stop what listens there, such as another serve or the daemon of the XAPS plugin'],
  ['EACCES', 'choose a port above 1023'],
]);
