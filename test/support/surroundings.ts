import { PassThrough, Writable } from 'node:stream';
import { systemClock, type Clock } from '../../src/process/clock.ts';
import type { OutputStream, Surroundings } from '../../src/process/surroundings.ts';

export interface SurroundingsOptions {
  input?: string | Buffer;
  env?: NodeJS.ProcessEnv;
  clock?: Clock;
  /** The size of the terminal that all three standard streams are. */
  terminal?: { columns: number; rows: number };
  /** How writing to standard output fails after so many pieces: as where the reader has left, or where a disk is full. */
  failing?: { code: 'EPIPE' | 'ENOSPC'; after: number };
}

/** What stands for the surroundings of a process, and what the test sees and does there. */
export interface TestSurroundings extends Surroundings {
  stdoutText: () => string;
  stderrText: () => string;
  /** How often it was to stop. */
  suspensions: () => number;
  /** Types these keys. */
  type: (keys: string) => void;
  /** Gives the terminal another size. */
  resize: (columns: number, rows: number) => void;
  /** Sends the signal to whoever listens; gives how many do. */
  signal: (name: NodeJS.Signals) => number;
}

export function testSurroundings(options: SurroundingsOptions = {}): TestSurroundings {
  const { input = '', env = {}, clock = systemClock, terminal, failing } = options;
  const [out, err]: [string[], string[]] = [[], []];
  const listeners = new Set<{ signals: readonly NodeJS.Signals[]; act: () => void }>();
  let suspensions = 0;
  const stdin = Object.assign(new PassThrough(), { isTTY: terminal !== undefined });
  const stdout = streamInto(out, terminal, failing);
  return {
    clock,
    env,
    stdin,
    stdout,
    stderr: streamInto(err, terminal),
    input: () => [Buffer.from(input)],
    tell: (text) => void err.push(text),
    onSignals: (signals, act) => {
      const listener = { signals, act };
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    suspend: () => {
      suspensions += 1;
    },
    closeLeakedDescriptors: () => undefined,
    actAsOwnerOf: () => undefined,
    stdoutText: () => out.join(''),
    stderrText: () => err.join(''),
    suspensions: () => suspensions,
    type: (keys) => void stdin.write(keys),
    resize: (columns, rows) => void Object.assign(stdout, { columns, rows }).emit('resize'),
    signal: (name) => {
      const hearing = [...listeners].filter(({ signals }) => signals.includes(name));
      for (const { act } of hearing) act();
      return hearing.length;
    },
  };
}

function streamInto(
  texts: string[],
  terminal: SurroundingsOptions['terminal'],
  { code, after }: NonNullable<SurroundingsOptions['failing']> = { code: 'EPIPE', after: Infinity },
): OutputStream {
  let pieces = 0;
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (chunk.length > 0 && pieces++ >= after) done(Object.assign(new Error(`${code}: write`), { code }));
      else {
        texts.push(chunk.toString());
        done();
      }
    },
    // As process.stdout, which stays open after an error.
    destroy: (error, done) => {
      done(error);
      (stream as Writable & { _undestroy(): void })._undestroy();
    },
  });
  return Object.assign(stream, terminal && { isTTY: true, ...terminal });
}
