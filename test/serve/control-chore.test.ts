import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/process/clock.ts';
import { hearingFor, keepControlDoor } from '../../src/serve/control-chore.ts';
import { takeLock } from '../../src/store/lock.ts';
import { openControlDoor } from '../../src/delivery/control.ts';
import { answerOf, poke } from '../../src/delivery/poke.ts';
import { doorbellOf, ring } from '../../src/delivery/ring.ts';
import { eventually } from '../support/command.ts';
import { EDITION, listening } from '../support/control.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { testStore } from '../support/store.ts';

interface Kept {
  lockFile: string;
  control: string;
  log: ReturnType<typeof recordedLog>;
  words: string[];
  /** Reloads to another edition. */
  reload: (edition: string) => void;
  end: () => Promise<void>;
}

/** The control socket of a `serve`, kept on a new store once `prepare` has done its part there. */
function kept(prepare: (lockFile: string, control: string) => void = () => undefined): Kept {
  const store = testStore();
  const [lockFile, control] = [`${store.file}.deliverer`, `${store.file}.sock`];
  prepare(lockFile, control);
  const [log, ending, words] = [recordedLog(), new AbortController(), [] as string[]];
  let edition = EDITION;
  const shift = (): never =>
    ({ settings: { config: { edition } }, store, onWork: (word: string) => words.push(word) }) as never;
  const running = keepControlDoor({
    ...{ lockFile, control, shift, log, clock: systemClock, ending: ending.signal },
    onWord: hearingFor(shift, log),
  });
  const end = async (): Promise<void> => {
    ending.abort();
    await running;
  };
  onTestFinished(end);
  return { lockFile, control, log, words, reload: (next) => (edition = next), end };
}

const heard = (control: string): Promise<unknown> =>
  eventually(
    () => poke(control),
    (isHeard) => isHeard,
  );

/** The doorbell is there a little later than the socket. */
const rings = (control: string, edition = EDITION): Promise<unknown> =>
  eventually(
    () => ring(control, edition),
    (answer) => answer === 'rung',
  );

test('it is kept until the end, and then lock and socket are free', async () => {
  const { control, lockFile, end } = kept();
  await heard(control);
  expect(takeLock(lockFile)).toBeUndefined();
  await end();
  expect(existsSync(control)).toBe(false);
  const lock = takeLock(lockFile);
  expect(lock).toBeDefined();
  lock?.release();
});

test.each<[string, (lockFile: string, control: string) => void, (lockFile: string, control: string) => void]>(
  [
    [
      'the lock file cannot be opened',
      (lockFile) => mkdirSync(lockFile),
      (lockFile) => rmSync(lockFile, { recursive: true }),
    ],
    [
      'there can be no socket',
      (_lockFile, control) => {
        mkdirSync(control);
        writeFileSync(`${control}/file`, '');
      },
      (_lockFile, control) => rmSync(control, { recursive: true }),
    ],
  ],
)('where %s it says so once, goes on trying, and has it once it can', async (_what, block, unblock) => {
  const { lockFile, control, log } = kept(block);
  await eventually(
    () => log.messages('error').length,
    (count) => count > 0,
  );
  await new Promise((resolve) => setTimeout(resolve, 2500)); // two more trials
  expect(log.messages('error')).toEqual([expect.stringContaining('it goes on trying')]);
  unblock(lockFile, control);
  await heard(control);
});

test('where another process has the lock it waits, and has it when that one ends', async () => {
  let other: ReturnType<typeof takeLock>;
  const { control, log } = kept((lockFile) => (other = takeLock(lockFile)));
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect([await poke(control), log.messages('error')]).toEqual([false, []]);
  other?.release();
  await heard(control);
});

test('a deliverer that has the lock is told to make way, and another serve does not', async () => {
  const { control } = kept();
  await heard(control);
  expect(await answerOf(control, 'make way')).toBe('no');
  let lock: ReturnType<typeof takeLock>;
  let way: Promise<unknown> | undefined;
  const next = kept((lockFile, path) => {
    lock = takeLock(lockFile);
    const onMakeWay = (): void => {
      way ??= door.then((open) => open.close()).then(() => lock?.release());
    };
    const door = openControlDoor(path, { ...listening(), onMakeWay });
  });
  await eventually(
    () => next.words,
    (words) => words.length > 0,
  );
  await way;
  expect(await answerOf(next.control, 'make way')).toBe('no');
});

test('a lock file that is no database is one again, whatever lies beside it', async () => {
  const { control } = kept((lockFile) => {
    writeFileSync(lockFile, 'x'.repeat(5000));
    for (const companion of ['-wal', '-shm', '-journal']) writeFileSync(lockFile + companion, 'left over');
  });
  await heard(control);
});

test.each<[string, (control: string) => void]>([
  ['the socket', (control) => rmSync(control)],
  ['the doorbell', (control) => rmSync(doorbellOf(control, EDITION))],
])('%s that somebody removes is there again', async (_what, remove) => {
  const { control, log } = kept();
  await rings(control);
  remove(control);
  await eventually(
    () => log.messages('warn').length,
    (count) => count === 1,
  );
  await rings(control);
  await heard(control);
});

test('who works with something else is heard and told of once, and after a reload rings', async () => {
  const { control, log, words, reload } = kept();
  await rings(control);
  expect(ring(control, 'other.source')).toBe('ask the socket');
  expect(await poke(control, 'poke', 'other.source')).toBe(true);
  expect(await poke(control, 'retry', 'other.source')).toBe(true);
  expect(words.at(-1)).toBe('retry');
  expect(log.messages('warn')).toEqual(['a handler works with another configuration than serve']);
  reload('other.source');
  await rings(control, 'other.source');
});
