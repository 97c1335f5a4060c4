import { rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { Log } from '../log.ts';
import { type Conversation, startConversation } from './cyrus-conversation.ts';
import type { Door } from './door.ts';
import type { Receive } from './receive.ts';
import { listenOnSocket } from './unix-socket.ts';

export interface CyrusDoorOptions {
  path: string;
  receive: Receive;
  log: Log;
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

/** The user that Cyrus runs as gets in as the owner or by the group. */
const SOCKET_MODE = 0o660;

/**
 * Takes events from Cyrus itself, by `notifysocket: dlist:` and the path in imapd.conf(5); each is answered once it
 * is safe. Throws OperatorError where the socket cannot be opened.
 */
export async function openCyrusDoor(options: CyrusDoorOptions): Promise<Door> {
  const { path, receive, log, mode = SOCKET_MODE } = options;
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
  await listenOnSocket(server, path, mode);
  server.on('error', (error) =>
    log.error('cannot accept a client of the Cyrus socket', { reason: error.message }),
  );
  let closed: Promise<void> | undefined;
  return { close: () => (closed ??= close(server, path, conversations, limits)) };
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
  server: Server,
  path: string,
  conversations: Set<Conversation>,
  { closingTimeoutMs }: CyrusDoorLimits,
): Promise<void> {
  rmSync(path, { force: true }); // whoever comes from now on is told at once that nobody is here
  await acceptAll(server);
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const conversation of conversations) conversation.finish(closingTimeoutMs);
  await closed;
}

/** Takes those who are connected already, so that no event of theirs is lost: each turn accepts one. */
async function acceptAll(server: Server): Promise<void> {
  let accepted = 0;
  server.on('connection', () => (accepted += 1));
  for (let before = -1; before < accepted;) {
    before = accepted;
    await turn();
    await turn(); // the first may come before sockets are looked at
  }
}
