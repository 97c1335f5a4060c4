import { createServer } from 'node:net';
import type { Clock } from '../process/clock.ts';
import type { Log } from '../process/log.ts';
import { listenAtHandedOver, listenAtPath, type Listening } from '../sockets/listening.ts';
import type { DictKeeper } from './dict-keeper.ts';
import { type DictSession, startDictSession } from './dict-session.ts';
import type { Door } from './door.ts';

export interface DictDoorOptions {
  /** A path, or the descriptors of sockets that systemd holds. */
  path: string | readonly number[];
  keeper: DictKeeper;
  clock: Clock;
  log: Log;
  /** Called once, when another process listens at the path. */
  onReplaced: (path: string) => void;
  limits?: Partial<DictDoorLimits>;
}

export interface DictDoorLimits {
  /** Clients at once. A process of Dovecot has one connection, mostly for the time of a command. */
  sessions: number;
  /** For transactions that have begun when the door closes. */
  closingTimeoutMs: number;
}

const LIMITS: DictDoorLimits = { sessions: 1000, closingTimeoutMs: 1000 };

export interface DictDoor extends Door {
  at: Listening['at'];
}

/** Whoever gets in speaks for every user; the user of the mail gets in as the owner or by the group. */
const SOCKET_MODE = 0o660;

/**
 * Keeps the METADATA of IMAP for Dovecot, by mail_attribute_dict and its dict protocol. Throws OperatorError where the
 * socket cannot be opened.
 */
export async function openDictDoor(options: DictDoorOptions): Promise<DictDoor> {
  const { path, keeper, clock, log } = options;
  const limits = { ...LIMITS, ...options.limits };
  const sessions = new Set<DictSession>(); // in the order of their last answers
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const onAnswered = (): void => {
      if (sessions.delete(session)) sessions.add(session);
    };
    const session = startDictSession({ socket, keeper, clock, log, onAnswered });
    sessions.add(session);
    socket.once('close', () => sessions.delete(session));
    makeRoom(sessions, limits.sessions);
  });
  const listening = await (typeof path === 'string'
    ? listenAtPath(server, path, SOCKET_MODE, options)
    : listenAtHandedOver(server, path, SOCKET_MODE, options));
  server.on('error', (error) =>
    log.error('cannot accept a client of the dict socket', { reason: error.message }),
  );
  let closed: Promise<void> | undefined;
  return { at: listening.at, close: () => (closed ??= close(listening, sessions, limits)) };
}

/** The one that has rested longest makes room, and Dovecot connects again; where all others work, the newcomer does. */
function makeRoom(sessions: Set<DictSession>, most: number): void {
  if (sessions.size <= most) return;
  const resting = [...sessions].find((session) => session.isAtRest());
  resting?.cut('too many clients at once');
}

async function close(
  listening: Listening,
  sessions: Set<DictSession>,
  { closingTimeoutMs }: DictDoorLimits,
): Promise<void> {
  const { ended } = await listening.stop();
  for (const session of sessions) session.finish(closingTimeoutMs);
  await ended;
}
