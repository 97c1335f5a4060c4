import type { ApnsConnection } from '../apns/client.ts';
import { outcomeOf } from '../apns/outcome.ts';
import { isVerdict } from '../outbox/outcome.ts';
import { type Answer, NoAnswer, type Push } from '../apns/push.ts';

/** The way to Apple: one connection, made when it is needed and made anew when it is gone. */
export interface Line {
  /** Sends over the open connection, or makes one first. Throws ConnectionFailed or NoAnswer. */
  push(push: Push, timeoutMs: number): Promise<Answer>;
  /**
   * Streams at once: what the peer's SETTINGS allow, or a guess before they are known. At least one, which waits
   * where they allow none for now, and MAX_STREAMS at most.
   */
  readonly capacity: number;
  /** Pushes that have no answer yet, over the connection that takes new ones. */
  readonly underWay: number;
  /** A connection is open. */
  readonly connected: boolean;
  /** The open connection has brought an answer about a push itself. */
  readonly proven: boolean;
  /** Takes no new push and closes when those under way have ended. */
  close(): Promise<void>;
}

/** Thrown where no connection came up, or one that ended before it gave an answer: the next one has to wait. */
export class ConnectionFailed extends NoAnswer {}

/** Enough to be busy while the peer's SETTINGS are on their way. */
const CAPACITY_BEFORE_SETTINGS = 100;

/** On a connection, whatever the peer allows: with fewer both sides wait for each other, and each takes 10 KB. */
const MAX_STREAMS = 500;

interface Current {
  connection: Promise<ApnsConnection>;
  /** The same once it is there. */
  made: ApnsConnection | undefined;
  underWay: number;
  retired: boolean;
  /** It has brought an answer about a push itself. */
  proven: boolean;
}

/** A line that makes its connections with `connect`, which throws NoAnswer where that fails. */
export function createLine(connect: (timeoutMs: number) => Promise<ApnsConnection>): Line {
  let current: Current | undefined;
  const retire = (line: Current): void => {
    line.retired = true;
    if (current === line) current = undefined;
  };
  return {
    push: (push, timeoutMs) => {
      if (current?.made?.open === false) retire(current);
      current ??= begin(connect(timeoutMs));
      return pushOver(current, push, timeoutMs, retire);
    },
    get capacity() {
      const allowed = current?.made?.capacity ?? CAPACITY_BEFORE_SETTINGS;
      return Math.min(Math.max(1, allowed), MAX_STREAMS);
    },
    get underWay() {
      return current?.underWay ?? 0;
    },
    get connected() {
      return current?.made?.open === true;
    },
    get proven() {
      return current?.made?.open === true && current.proven;
    },
    close: async () => {
      const line = current;
      if (line === undefined) return;
      retire(line);
      await closeWhenIdle(line);
    },
  };
}

async function pushOver(
  line: Current,
  push: Push,
  timeoutMs: number,
  retire: (line: Current) => void,
): Promise<Answer> {
  line.underWay += 1;
  try {
    const answer = await (line.made ?? (await line.connection)).push(push, timeoutMs);
    note(line, answer);
    if (isFarewell(answer)) retire(line);
    return answer;
  } catch (error) {
    retire(line);
    throw line.proven ? error : failureOf(error);
  } finally {
    line.underWay -= 1;
    if (line.retired) await closeWhenIdle(line);
  }
}

function begin(connection: Promise<ApnsConnection>): Current {
  const line: Current = { connection, made: undefined, underWay: 0, retired: false, proven: false };
  // The failure itself reaches every push that waits for the connection.
  connection.then(
    (made) => {
      line.made = made;
    },
    () => undefined,
  );
  return line;
}

/** A 500 proves nothing: Apple, or who stands between, may end each connection after it. */
function note(line: Current, answer: Answer): void {
  if (isVerdict(outcomeOf(answer))) line.proven = true;
}

/** A bug of ours says nothing of the connection. */
function failureOf(error: unknown): unknown {
  if (!(error instanceof NoAnswer)) return error;
  const { message, perhapsProcessed, reason } = error;
  return new ConnectionFailed(message, { perhapsProcessed, reason, cause: error });
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
