import type { Clock } from '../process/clock.ts';

/** Tells a person how far a long work is. */
export interface Progress {
  show: (done: number) => void;
  /** Takes the line away. */
  end: () => void;
}

export interface ProgressOptions {
  /** Writes to the terminal; undefined where there is none: nobody watches a pipe. */
  write: ((text: string) => void) | undefined;
  clock: Clock;
  /** How much of all so many are, from 0 to 1; undefined where the end is not known. */
  part: (done: number) => number | undefined;
}

/** What takes less shows nothing; then the line is written anew after each such time. */
const INTERVAL_MS = 250;

/** One line that is written over and over: how many, how much of the file, how many a second. */
export function createProgress({ write, clock, part }: ProgressOptions): Progress {
  const startMs = clock.steadyMs();
  let shownMs = startMs;
  let width = 0;
  const replaceBy = (text: string): void => {
    write?.(`\r${text.padEnd(width)}`);
    width = text.length;
  };
  return {
    show: (done) => {
      const nowMs = clock.steadyMs();
      if (write === undefined || nowMs - shownMs < INTERVAL_MS) return;
      shownMs = nowMs;
      replaceBy(progressText(done, part(done), nowMs - startMs));
    },
    end: () => {
      if (width === 0) return;
      replaceBy('');
      write?.('\r');
    },
  };
}

function progressText(done: number, part: number | undefined, tookMs: number): string {
  const percent = part === undefined ? '' : `, ${Math.floor(part * 100)} %`;
  return `${done} devices${percent}, ${Math.round((done / tookMs) * 1000)} a second`;
}
