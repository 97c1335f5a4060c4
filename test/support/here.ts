import { writeWhatIsDue } from '../../src/process/due-writes.ts';
import { type Clock, systemClock } from '../../src/process/clock.ts';
import type { Surroundings } from '../../src/process/surroundings.ts';
import { run } from '../../src/cli/program.ts';
import {
  createSandbox,
  environmentOf,
  eventually,
  type Finished,
  NOTIFYD_ARGUMENTS,
  type Sandbox,
} from './command.ts';
import { type Served, servings } from './serve.ts';
import { type SurroundingsOptions, testSurroundings } from './surroundings.ts';

/** Runs the program in these surroundings; gives its exit code. */
export function runIn(around: Surroundings, args: readonly string[]): Promise<number> {
  return run(args, around, () => Promise.resolve(around));
}

/** Runs the program in this process, with a bare environment, as its launcher would in one of its own. */
export async function runHere(args: readonly string[], options: SurroundingsOptions = {}): Promise<Finished> {
  const around = testSurroundings(options);
  const exitCode = await runIn(around, args);
  writeWhatIsDue();
  return { exitCode, stdout: around.stdoutText(), stderr: around.stderrText() };
}

/**
 * A sandbox in which the program runs in this process: much sooner than in one of its own, and counted by
 * `npm run coverage`. A deliverer that an event starts is a process all the same.
 */
export function sandboxHere(yaml: string, prefix?: string): Sandbox {
  return here(createSandbox(yaml, prefix));
}

/** The same sandbox, in which the program runs in this process. */
export function here(sandbox: Sandbox): Sandbox {
  const run: Sandbox['run'] = (args, { input = '', environment } = {}) =>
    runHere(args, { input, env: { ...environmentOf(sandbox.configFile), ...environment } });
  return { ...sandbox, run, notify: (event) => run(NOTIFYD_ARGUMENTS, { input: event }) };
}

/** As the system's, but nobody sleeps longer than a second. */
const HURRIED: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 1000), signal),
};

/** A `serve` of the sandbox in this process, whose doors are open. */
export async function serveHere(sandbox: Sandbox): Promise<Served> {
  const before = servings(sandbox);
  const around = testSurroundings({ clock: HURRIED, env: environmentOf(sandbox.configFile) });
  let exitCode: number | undefined;
  const ended = runIn(around, ['serve']).then((code) => (exitCode = code));
  await eventually(
    () => servings(sandbox) > before || exitCode !== undefined,
    (isOver) => isOver,
  );
  if (exitCode !== undefined) throw new Error(`serve ended at once: ${around.stderrText()}`);
  const signal = (name: NodeJS.Signals): void => void around.signal(name);
  return {
    pid: process.pid,
    end: (name) => {
      signal(name);
      return ended;
    },
    signal,
    ended,
    stderr: () => around.stderrText(),
  };
}
