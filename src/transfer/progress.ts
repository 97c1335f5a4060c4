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
  /** What is counted. */
  what?: string;
}

/** What takes less shows nothing; then the line is written anew after each such time. */
const INTERVAL_MS = 250;

/** One line that is written over and over: how many, how much of the file, how many a second. */
export function createProgress({ write, clock, part, what = 'devices' }: ProgressOptions): Progress {
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
      replaceBy(progressText(`${done} ${what}`, part(done), (done / (nowMs - startMs)) * 1000));
    },
    end: () => {
      if (width === 0) return;
      replaceBy('');
      write?.('\r');
    },
  };
}

function progressText(done: string, part: number | undefined, perSecond: number): string {
  const percent = part === undefined ? '' : `, ${Math.floor(part * 100)} %`;
  return `${done}${percent}, ${Math.round(perSecond)} a second`;
}
