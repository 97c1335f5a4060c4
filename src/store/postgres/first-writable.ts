import type { ClientBase } from 'pg';
import type { Connections } from './connection.ts';
import { isLost } from './errors.ts';

/**
 * Connects to the first server that can be written, beginning with the one that could be last: the others are standbys,
 * of which one may be promoted at any time.
 */
export function firstWritable(first: Connections, others: readonly Connections[]): Connections {
  const writable = new WeakSet<ClientBase>();
  const all = [first, ...others];
  let now = first;
  const inTurn = async <C extends ClientBase>(
    connect: (at: Connections) => Promise<C>,
    leave: (client: C) => void,
  ): Promise<C> => {
    let failure: unknown;
    for (const at of [now, ...all.filter((each) => each !== now)]) {
      try {
        const client = await connect(at);
        if (writable.has(client) || (await isWritable(client, leave))) {
          writable.add(client);
          now = at;
          return client;
        }
        failure ??= READ_ONLY;
      } catch (error) {
        if (!isLost(error)) throw error;
        failure ??= error;
      }
    }
    throw failure;
  };
  return {
    take: () => inTurn(TAKE, (client) => client.release(true)),
    hasIdle: () => now.hasIdle(),
    extra: () => inTurn(EXTRA, (client) => void client.end().catch(() => undefined)),
    end: async () => {
      await Promise.all(all.map((at) => at.end()));
    },
  };
}

const TAKE = (at: Connections): ReturnType<Connections['take']> => at.take();
const EXTRA = (at: Connections): ReturnType<Connections['extra']> => at.extra();

/** As PostgreSQL says it of a statement. */
const READ_ONLY = Object.assign(new Error('none of the servers can be written'), { code: '25006' });

/** As libpq looks for target_session_attrs=read-write. Who cannot be asked, or written, is left. */
async function isWritable<C extends ClientBase>(client: C, leave: (client: C) => void): Promise<boolean> {
  try {
    const { rows } = await client.query<{ transaction_read_only: string }>('SHOW transaction_read_only');
    if (rows[0]?.transaction_read_only === 'off') return true;
    leave(client);
    return false;
  } catch (error) {
    leave(client);
    throw error;
  }
}
