import { setTimeout as pause } from 'node:timers/promises';
import type { Connections } from './connection.ts';

/** Where hosts tell each other that something waits (https://www.postgresql.org/docs/current/sql-notify.html). */
const CHANNEL = 'xapplepush';

/** In SQL: tells every host. Once in a statement: a commit with it takes a lock of the whole server. */
export const NEWS = `pg_notify('${CHANNEL}', '')`;

/** A connection that is gone is made anew after so long; meanwhile everybody looks every half a minute anyway. */
const AGAIN_MS = 2000;

/**
 * Calls `onNews` when a host says that something waits, and when it has begun to listen: what was said before was not
 * heard. Behind a PgBouncer that gives connections to others after each transaction nothing is heard. Gives what ends it.
 */
export function listen(connections: Connections, onNews: () => void): () => void {
  const ending = new AbortController();
  void keepListening(connections, onNews, ending.signal);
  return () => ending.abort();
}

async function keepListening(
  connections: Connections,
  onNews: () => void,
  ending: AbortSignal,
): Promise<void> {
  while (!ending.aborted) {
    await listenUntilGone(connections, onNews, ending).catch(() => undefined); // the verbs tell of trouble
    await pause(AGAIN_MS, undefined, { signal: ending }).catch(() => undefined); // by the signal
  }
}

async function listenUntilGone(
  connections: Connections,
  onNews: () => void,
  ending: AbortSignal,
): Promise<void> {
  const client = await connections.extra();
  const gone = new Promise<void>((resolve) => {
    client.on('end', resolve).on('error', () => resolve());
    ending.addEventListener('abort', () => resolve(), { once: true });
  });
  try {
    client.on('notification', onNews);
    await client.query(`LISTEN ${CHANNEL}`);
    onNews();
    if (!ending.aborted) await gone;
  } finally {
    client.end().catch(() => undefined); // it is gone either way
  }
}
