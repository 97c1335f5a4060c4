import type { ApnsConnection } from '../apns/client.ts';
import { outcomeOf } from '../apns/outcome.ts';
import { type Answer, NoAnswer, type Push } from '../apns/push.ts';

/** The way to Apple: one connection, made when it is needed and made anew when it is gone. */
export interface Line {
  /** Sends over the open connection, or makes one first. Throws NotConnected or NoAnswer. */
  push(push: Push, timeoutMs: number): Promise<Answer>;
  /** Streams at once: what the peer's SETTINGS allow, or a guess before they are known. */
  readonly capacity: number;
  /** A connection is open. */
  readonly connected: boolean;
  /** Takes no new push and closes when those under way have ended. */
  close(): Promise<void>;
}

/** Thrown where there is no connection, so that the push has not left. */
export class NotConnected extends NoAnswer {}

/** Enough to be busy while the peer's SETTINGS are on their way. */
const CAPACITY_BEFORE_SETTINGS = 100;

interface Current {
  connection: Promise<ApnsConnection>;
  /** The same once it is there. */
  made: ApnsConnection | undefined;
  underWay: number;
  retired: boolean;
}

/** A line that makes its connections with `connect`, which throws NoAnswer where that fails. */
export function createLine(connect: (timeoutMs: number) => Promise<ApnsConnection>): Line {
  let current: Current | undefined;
  const retire = (line: Current): void => {
    line.retired = true;
    if (current === line) current = undefined;
  };
  return {
    push: async (push, timeoutMs) => {
      if (current?.made?.open === false) retire(current);
      const line = (current ??= begin(connect(timeoutMs)));
      line.underWay += 1;
      try {
        const answer = await (line.made ?? (await connected(line))).push(push, timeoutMs);
        if (isFarewell(answer)) retire(line);
        return answer;
      } catch (error) {
        retire(line);
        throw error;
      } finally {
        line.underWay -= 1;
        if (line.retired) await closeWhenIdle(line);
      }
    },
    get capacity() {
      return current?.made?.capacity ?? CAPACITY_BEFORE_SETTINGS;
    },
    get connected() {
      return current?.made?.open === true;
    },
    close: async () => {
      const line = current;
      if (line === undefined) return;
      retire(line);
      await closeWhenIdle(line);
    },
  };
}

function begin(connection: Promise<ApnsConnection>): Current {
  const line: Current = { connection, made: undefined, underWay: 0, retired: false };
  // The failure itself reaches every push that waits for the connection.
  connection.then(
    (made) => {
      line.made = made;
    },
    () => undefined,
  );
  return line;
}

async function connected(line: Current): Promise<ApnsConnection> {
  try {
    return await line.connection;
  } catch (error) {
    throw new NotConnected(error instanceof Error ? error.message : String(error), {
      perhapsProcessed: false,
      cause: error,
    });
  }
}

/** Answers after which Apple wants a new connection, such as Shutdown. */
function isFarewell(answer: Answer): boolean {
  const outcome = outcomeOf(answer);
  return outcome.kind === 'retry' && outcome.reconnect;
}

async function closeWhenIdle(line: Current): Promise<void> {
  if (line.underWay > 0) return;
  const connection = await line.connection.catch(() => undefined);
  await connection?.close();
}
