import type { Clock } from './clock.ts';

/** The surroundings of a process that an event needs. A test hands in its own. */
export interface EventSurroundings {
  readonly clock: Clock;
  readonly env: NodeJS.ProcessEnv;
  /** Standard input in chunks, until it ends. */
  readonly input: () => Iterable<Buffer>;
  /** Writes to standard error before it returns, and never throws. */
  readonly tell: (text: string) => void;
  /** Takes on the user who owns the database's folder; process/identity.ts. */
  readonly actAsOwnerOf: (store: string, configFile: string | undefined) => void;
}

/** The same for a command, so that every command runs in a test's own process. */
export interface Surroundings extends EventSurroundings {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Has each of these signals call that function, until the one that this gives is called. */
  readonly onSignals: (signals: readonly NodeJS.Signals[], act: () => void) => () => void;
  /** Closes what this process was not meant to inherit; process/leaked-descriptors.ts. */
  readonly closeLeakedDescriptors: () => void;
  /** Stops this process until it is told to go on, as Ctrl-Z would. */
  readonly suspend: () => void;
}

/** A standard stream for output, with what only a terminal has. */
export interface OutputStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** Has the first of these signals call `end`; the next one ends the process at once, as the system has it. */
export function onEndSignals({ onSignals }: Pick<Surroundings, 'onSignals'>, end: () => void): () => void {
  const forget = onSignals(['SIGINT', 'SIGTERM'], () => {
    forget();
    end();
  });
  return forget;
}
