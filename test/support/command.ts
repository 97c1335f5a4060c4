import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The command as a mail server runs it: built, by its launcher. */
export const COMMAND = fileURLToPath(new URL('../../bin/xapplepush', import.meta.url));

/** The same as a word of a shell's line; a clone may lie anywhere. */
export const SHELL_COMMAND = `'${COMMAND.replaceAll("'", "'\\''")}'`;

/** What notifyd(8) passes for every event, the last -f without a value. */
export const NOTIFYD_ARGUMENTS = ['-c', 'EVENT', '-p', '', '-u', '', '-m', '', '-f'];

const PROCESS_TIMEOUT_MS = 110_000;

export interface Finished {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  input?: string | Buffer;
  environment?: Record<string, string>;
}

/** A folder with a configuration, a store and a spool of its own. */
export interface Sandbox {
  dir: string;
  configFile: string;
  store: string;
  spool: string;
  /** Runs the command with a bare environment in the root folder. */
  run(args: readonly string[], options?: RunOptions): Promise<Finished>;
  /** Runs the command as notifyd does. */
  notify(event: string | Buffer): Promise<Finished>;
  /** Deliverers of this sandbox that are running. */
  deliverers(): number[];
  /** Ends what runs here and removes the folder. */
  remove(): void;
}

const REMOVING_PAUSE_MS = 100;

/** A sandbox whose configuration has these further lines. Logs go to the file `log` in its folder. */
export function createSandbox(yaml: string, prefix = 'xapplepush-'): Sandbox {
  const dir = mkdtempSync(join(tmpdir(), prefix));
  const [configFile, store, spool] = [join(dir, 'config.yaml'), join(dir, 'x.db'), join(dir, 'spool')];
  const imapdConf = join(dir, 'imapd.conf');
  writeFileSync(configFile, `store: ${store}\nspool: ${spool}\nimapd_conf: ${imapdConf}\n${yaml}`);
  writeFileSync(imapdConf, imapdConfOf(COMMAND));
  const run: Sandbox['run'] = (args, options) => runCommand(args, configFile, options);
  const deliverers = (): number[] => deliverersWhere((word) => word === configFile);
  return {
    dir,
    configFile,
    store,
    spool,
    run,
    notify: (event) => run(NOTIFYD_ARGUMENTS, { input: event }),
    deliverers,
    remove: () => {
      for (const pid of deliverersWhere((word) => word.startsWith(`${dir}/`))) endProcess(pid);
      removeFolder(dir);
    },
  };
}

/**
 * Removes a folder in which what has been killed may still write for a moment. Node's maxRetries would not help: it
 * lists the folder once, and then only tries again to remove it.
 */
function removeFolder(dir: string, attempts = 20): void {
  try {
    rmSync(dir, { recursive: true, force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY' || attempts === 1) throw error;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, REMOVING_PAUSE_MS);
    removeFolder(dir, attempts - 1);
  }
}

/** What Cyrus needs in imapd.conf to tell this program of mail, as the user of this process; and further lines. */
export function imapdConfOf(program: string, ...more: string[]): string {
  const lines = [
    'event_notifier: external',
    'event_groups: applepushservice message flags',
    `notify_external: ${program}`,
    `cyrus_user: ${process.geteuid?.()}`,
  ];
  return [...lines, ...more].map((line) => `${line}\n`).join('');
}

/** Writes the sandbox's configuration anew: its own places, logs into the file `log`, and these further lines. */
export function configure({ dir, store, spool, configFile }: Sandbox, yaml: string): void {
  const places = `store: ${store}\nspool: ${spool}\nimapd_conf: ${dir}/imapd.conf\n`;
  writeFileSync(configFile, `${places}log: { destination: ${dir}/log }\n${yaml}`);
}

/** The bare environment in which the command finds this configuration. */
export function environmentOf(configFile: string): Record<string, string> {
  return { XAPPLEPUSH_CONFIG: configFile, XAPPLEPUSH_NODE: process.execPath };
}

function runCommand(
  args: readonly string[],
  configFile: string,
  options: RunOptions = {},
): Promise<Finished> {
  const child = spawn(COMMAND, args, {
    cwd: '/',
    env: { ...environmentOf(configFile), ...options.environment },
    timeout: PROCESS_TIMEOUT_MS,
  });
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  // A command that does not read its input ends all the same.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) =>
      resolve({
        exitCode,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      }),
    );
  });
}

/** Deliverers are told apart by the configuration in their command line. */
function deliverersWhere(namesConfig: (word: string) => boolean): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const words = commandLine(pid);
      return words.includes('deliverer') && words.some(namesConfig);
    });
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return []; // it has ended meanwhile
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended by itself
  }
}

/** Polls until the condition holds; throws with its last value where it does not. */
export async function eventually<T>(
  look: () => T | Promise<T>,
  holds: (value: T) => boolean,
  timeoutMs = 60_000,
): Promise<T> {
  const untilMs = Date.now() + timeoutMs;
  for (;;) {
    const value = await look();
    if (holds(value)) return value;
    if (Date.now() > untilMs)
      throw new Error(`waited ${timeoutMs} ms in vain; last: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
