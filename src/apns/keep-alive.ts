import type { ClientHttp2Session } from 'node:http2';
import type { ApnsConnection } from './client.ts';

/** Apple advises to check an idle connection about once an hour. */
export const PING_IDLE_MS = 60 * 60_000;

/** A connection that is dead without having said so does not answer. */
const PING_TIMEOUT_MS = 10_000;

/** The connection, checked with a PING (RFC 9113, 6.7) after `idleMs` without a push; cut where nobody answers. */
export function keptAlive(
  connection: ApnsConnection,
  session: ClientHttp2Session,
  idleMs: number,
): ApnsConnection {
  const idle = setTimeout(() => ping(session, idle), idleMs).unref();
  session.once('close', () => clearTimeout(idle));
  return {
    push: (push, timeoutMs) => {
      idle.refresh();
      return connection.push(push, timeoutMs);
    },
    get capacity() {
      return connection.capacity;
    },
    get open() {
      return connection.open;
    },
    close: () => connection.close(),
  };
}

function ping(session: ClientHttp2Session, idle: NodeJS.Timeout): void {
  if (session.destroyed) return;
  const unanswered = setTimeout(() => session.destroy(), PING_TIMEOUT_MS).unref();
  session.ping(() => {
    clearTimeout(unanswered);
    if (!session.destroyed) idle.refresh();
  });
}
