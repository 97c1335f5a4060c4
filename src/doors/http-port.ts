import { createServer, type Server } from 'node:net';
import type { Clock } from '../process/clock.ts';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';
import { BACKLOG, listening } from '../sockets/unix-socket.ts';
import { placeOf } from './http-address.ts';

/** `ok`: it will; `no`: who answered is not the one who listens there; undefined: nobody answered. */
export type YieldAnswer = 'ok' | 'no' | undefined;

/** How long the `serve` before may take to free the port, and how often it is tried. */
const YIELDING_TIMEOUT_MS = 15_000;
const YIELDING_INTERVAL_MS = 20;

/**
 * A `serve` that has just taken over from another hears at the control socket within a second. A deliverer that has it
 * makes way for that `serve` as soon as Apple has answered, or has not for ten seconds.
 */
const ASKING_TIMEOUT_MS = 3000;
const ASKING_INTERVAL_MS = 200;

/** Two cannot listen on a port: where the one before gives way, it is taken as soon as it is free. */
export async function listenOnPort(
  server: Server,
  place: { host: string; port: number },
  { askToYield, clock }: { askToYield: (address: string) => Promise<YieldAnswer>; clock: Clock },
): Promise<void> {
  const name = nameOf(place.host, place.port);
  const isTooLong = createPatience();
  let answer: YieldAnswer;
  for (;;) {
    const failure = await failureAt(server, place);
    if (failure === undefined) return;
    if (failure.code !== 'EADDRINUSE') throw cannotListen(name, failure);
    if (answer !== 'ok') answer = await askToYield(name);
    if (isTooLong(answer)) throw cannotListen(name, failure);
    await clock.sleep(YIELDING_INTERVAL_MS);
  }
}

/**
 * Throws OperatorError where a port is neither free nor that of a `serve` which would give way: `ask` asks whoever
 * delivers for that address.
 */
export async function checkPort(
  where: string | readonly number[],
  clock: Clock,
  ask: (address: string) => Promise<YieldAnswer>,
): Promise<void> {
  if (typeof where !== 'string') return;
  const place = placeOf(where, true);
  if ('path' in place) return;
  const name = nameOf(place.host, place.port);
  const isTooLong = createPatience();
  for (;;) {
    const server = createServer();
    const failure = await failureAt(server, place);
    if (failure === undefined) {
      await new Promise((resolve) => server.close(resolve));
      return;
    }
    const answer = failure.code === 'EADDRINUSE' ? await ask(name) : undefined;
    if (answer === 'ok') return;
    if (failure.code !== 'EADDRINUSE' || isTooLong(answer)) throw cannotListen(name, failure);
    await clock.sleep(ASKING_INTERVAL_MS);
  }
}

/** Gives a function that says after each answer whether it has been asked for too long. */
function createPatience(): (answer: YieldAnswer) => boolean {
  const startMs = performance.now();
  let answeredMs = startMs;
  return (answer) => {
    const nowMs = performance.now();
    if (answer !== undefined) answeredMs = nowMs;
    return nowMs >= Math.min(startMs + YIELDING_TIMEOUT_MS, answeredMs + ASKING_TIMEOUT_MS);
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
    exitCode: ExitCode.configuration,
    hint: HINTS.get(cause.code ?? '') ?? 'choose another address for serve.http',
    cause,
  });
}

const HINTS = new Map([
  ['EADDRINUSE', 'stop what listens there, such as another serve or the daemon of the XAPS plugin'],
  ['EACCES', 'choose a port above 1023'],
]);
