// The strict stand-in for Apple in a process of its own, which counts and prints nothing.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ended, forkScript } from './sandbox.mjs';

const LONGEST_WAIT_MS = 120_000;

/** Each answer takes `delayMs`, as where Apple is far away. */
export async function startMock({ delayMs = 0 } = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'xapplepush-bench-mock-'));
  const child = forkScript('mock-process.mjs', [dir, delayMs]);
  const ready = await message(child);
  return {
    ...ready,
    pid: child.pid,
    /**
     * Gives a function that waits until so many pushes have come from now on, and gives their rate a second from the
     * first to the last, and when the last came and the first for each device, in milliseconds since the epoch.
     */
    expect: async (pushes) => {
      child.send({ pushes });
      await message(child); // from here on it counts
      const counted = message(child);
      return () => withTimeout(counted, `the mock has not seen ${pushes} pushes`);
    },
    close: async () => {
      await ended(child);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function message(child) {
  return new Promise((resolve, reject) => {
    const gone = () => reject(new Error('the mock has gone'));
    child.once('exit', gone);
    child.once('message', (value) => {
      child.off('exit', gone);
      if (value.error === undefined) resolve(value);
      else reject(new Error(value.error));
    });
  });
}

function withTimeout(promise, why) {
  let timer;
  const late = new Promise(
    (_, reject) => (timer = setTimeout(() => reject(new Error(why)), LONGEST_WAIT_MS)),
  );
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
