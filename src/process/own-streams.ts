import { closeLeakedDescriptors } from './leaked-descriptors.ts';
import type { EventSurroundings, Surroundings } from './surroundings.ts';

/** Adds what a command needs of this process. A stream is made when it is asked for. */
export function withOwnStreams(around: EventSurroundings): Surroundings {
  return {
    ...around,
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      return process.stdout;
    },
    get stderr() {
      return process.stderr;
    },
    onSignals: (signals, act) => {
      for (const signal of signals) process.on(signal, act);
      return () => {
        for (const signal of signals) process.off(signal, act);
      };
    },
    closeLeakedDescriptors,
    suspend: () => void process.kill(process.pid, 'SIGSTOP'),
  };
}
