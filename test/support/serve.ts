import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMMAND, eventually, type Sandbox } from './command.ts';

/** A `serve` process of a sandbox whose log goes to its file `log`. */
export interface Served {
  pid: number;
  /** Sends the signal and resolves with the exit code, or the signal, when the process has ended. */
  end: (signal: NodeJS.Signals) => Promise<number | NodeJS.Signals | null>;
  signal: (signal: NodeJS.Signals) => void;
  /** Resolves as `end` does, when it ends by itself. */
  ended: Promise<number | NodeJS.Signals | null>;
  stderr: () => string;
}

/** Starts `serve`, as that user and by that Node where one is given, and resolves when its doors are open. */
export async function startServe(
  sandbox: Sandbox,
  user?: { uid: number; gid: number },
  node = process.execPath,
): Promise<Served> {
  const before = servings(sandbox);
  const child = spawn(COMMAND, ['serve'], {
    cwd: '/',
    env: { XAPPLEPUSH_CONFIG: sandbox.configFile, XAPPLEPUSH_NODE: node },
    stdio: ['ignore', 'ignore', 'pipe'],
    ...user,
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = endOf(child);
  await eventually(
    () => ({ count: servings(sandbox), exitCode: child.exitCode, stderr }),
    ({ count, exitCode }) => count > before || exitCode !== null,
  );
  if (child.exitCode !== null) throw new Error(`serve ended at once: ${stderr}`);
  const signal = (name: NodeJS.Signals): void => void child.kill(name);
  return {
    pid: child.pid!,
    end: (name) => {
      signal(name);
      return ended;
    },
    signal,
    ended,
    stderr: () => stderr,
  };
}

/** How often a `serve` of this sandbox has opened its doors. */
export function servings({ dir }: Sandbox): number {
  const file = join(dir, 'log');
  return existsSync(file) ? readFileSync(file, 'utf8').split('"msg":"ready"').length - 1 : 0;
}

function endOf(child: ChildProcess): Promise<number | NodeJS.Signals | null> {
  return new Promise((resolve) => {
    child.on('exit', (code, signal) => resolve(code ?? signal));
  });
}
