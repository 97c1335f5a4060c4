import { createServer, type Server } from 'node:net';
import type { Clock } from '../process/clock.ts';
import type { Log } from '../process/log.ts';
import { type Conversation, startConversation } from './cyrus-conversation.ts';
import type { Door } from './door.ts';
import { listenAtHandedOver, listenAtPath, type Listening } from '../sockets/listening.ts';
import type { Receive } from './receive.ts';

export interface CyrusDoorOptions {
  /** A path, or the descriptors of sockets that systemd holds. */
  path: string | readonly number[];
  receive: Receive;
  log: Log;
  /** Called once, when another process listens at the path. */
  onReplaced: (path: string) => void;
  clock: Clock;
  /** Permissions of the socket; by default for the owner and the group. */
  mode?: number;
  limits?: Partial<CyrusDoorLimits>;
}

export interface CyrusDoorLimits {
  /** Within this time a command must be complete: Cyrus sends its own as soon as it is connected. */
  commandTimeoutMs: number;
  /** The same for commands that have begun when the door closes. */
  closingTimeoutMs: number;
  /** Clients at once. Each process of Cyrus has one connection at most, for the time of an event. */
  connections: number;
  /** Memory of all commands that are not complete. */
  heldBytes: number;
}

const LIMITS: CyrusDoorLimits = {
  commandTimeoutMs: 10_000,
  closingTimeoutMs: 1000,
  connections: 1000,
  heldBytes: 64 * 1024 * 1024,
};

export interface CyrusDoor extends Door {
  at: Listening['at'];
}

/** The user that Cyrus runs as gets in as the owner or by the group. */
const SOCKET_MODE = 0o660;

/**
 * Takes events from Cyrus itself, by `notifysocket: dlist:` and the path in imapd.conf(5); each is answered once it
 * is safe. Throws OperatorError where the socket cannot be opened.
 */
export async function openCyrusDoor(options: CyrusDoorOptions): Promise<CyrusDoor> {
  const { receive, log } = options;
  const limits = { ...LIMITS, ...options.limits };
  const conversations = new Set<Conversation>(); // in the order of their last answers
  // A client may shut down its sending side and still read the answer.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const conversation = startConversation({
      socket,
      receive,
      log,
      timeoutMs: limits.commandTimeoutMs,
      onHeard: () => makeRoom(conversations, limits),
      onAnswered: () => {
        if (conversations.delete(conversation)) conversations.add(conversation);
      },
    });
    conversations.add(conversation);
    socket.once('close', () => conversations.delete(conversation));
    makeRoom(conversations, limits);
  });
  const listening = await listen(server, options);
  server.on('error', (error) =>
    log.error('cannot accept a client of the Cyrus socket', { reason: error.message }),
  );
  let closed: Promise<void> | undefined;
  return {
    at: listening.at,
    close: () => (closed ??= close(listening, conversations, limits)),
  };
}

function listen(server: Server, options: CyrusDoorOptions): Promise<Listening> {
  const { path, mode = SOCKET_MODE } = options;
  return typeof path === 'string'
    ? listenAtPath(server, path, mode, options)
    : listenAtHandedOver(server, path, mode, options);
}

/**
 * The one that has waited longest makes room: Cyrus sends a whole command at once, so that is never the one with an
 * event. Those whose command is being dealt with stay; if all do, it is the newcomer who goes.
 */
function makeRoom(conversations: Set<Conversation>, limits: CyrusDoorLimits): void {
  let held = 0;
  for (const one of conversations) held += one.heldBytes();
  for (const one of conversations) {
    const isOneTooMany = conversations.size > limits.connections;
    if (!isOneTooMany && held <= limits.heldBytes) return;
    if (one.isWorking() || (!isOneTooMany && one.heldBytes() === 0)) continue;
    held -= one.heldBytes();
    conversations.delete(one);
    one.cut(isOneTooMany ? 'too many clients at once' : 'too much memory held by incomplete commands');
  }
}

async function close(
  listening: Listening,
  conversations: Set<Conversation>,
  { closingTimeoutMs }: CyrusDoorLimits,
): Promise<void> {
  const { ended } = await listening.stop();
  for (const conversation of conversations) conversation.finish(closingTimeoutMs);
  await ended;
}
