import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export type Serve = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** No client of ours sends a request before the answer to the last; who sends more than these is cut off. */
const MAX_UNANSWERED = 16;

interface Line {
  unanswered: number;
  last: Promise<unknown>;
  /** The socket has closed: its answers go nowhere, and Node tells not all of them. */
  gone: Promise<unknown>;
}

/** One request a connection is under way; those that were sent without waiting (RFC 9112, 9.3.2) have their turn. */
export function oneAtATime(serve: Serve): (request: IncomingMessage, response: ServerResponse) => void {
  const lines = new WeakMap<Socket, Line>();
  return (request, response) => {
    const { socket } = request;
    const line = lines.get(socket) ?? newLine(socket);
    lines.set(socket, line);
    if (line.unanswered >= MAX_UNANSWERED) socket.destroy();
    if (socket.destroyed) return;
    line.unanswered += 1;
    const answered = new Promise((resolve) => response.once('close', resolve));
    line.last = line.last.then(async () => {
      if (socket.destroyed) return;
      await serve(request, response);
      await Promise.race([answered, line.gone]);
      line.unanswered -= 1;
    });
  };
}

function newLine(socket: Socket): Line {
  return {
    unanswered: 0,
    last: Promise.resolve(),
    gone: new Promise((resolve) => socket.once('close', resolve)),
  };
}
