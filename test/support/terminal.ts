import { spawn } from 'node:child_process';

export interface TerminalOptions {
  cwd: string;
  env: Record<string, string>;
  columns?: number;
  rows?: number;
}

/** A command line that runs on a terminal of its own. */
export interface Terminal {
  /** Types these keys, such as `y\r` or `\x03`. */
  type(keys: string): void;
  /** Resolves when what is written since the last such call contains the text; throws where the command ends first. */
  shows(text: string): Promise<void>;
  /** All that was written so far. */
  written(): string;
  /** The end: all that was written, as bytes would have it (`\r\n`, escape sequences), and the exit code. */
  ended: Promise<{ output: string; exitCode: number | null }>;
  /** Closes the terminal; what runs on it gets SIGHUP. */
  close(): void;
}

/** Ends what hangs; far from what a busy machine needs. */
const TERMINAL_TIMEOUT_MS = 150_000;

/**
 * Runs a line of shell on a pseudo-terminal made by script(1) of bsdutils: standard input, output and error are
 * the terminal, and it has this size.
 */
export function openTerminal(line: string, options: TerminalOptions): Terminal {
  const { cwd, env, columns = 100, rows = 30 } = options;
  const child = spawn('script', ['-qefc', `stty cols ${columns} rows ${rows}; ${line}`, '/dev/null'], {
    cwd,
    env: { PATH: '/usr/bin:/bin', SHELL: '/bin/sh', TERM: 'xterm-256color', ...env },
    timeout: TERMINAL_TIMEOUT_MS,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const chunks: Buffer[] = [];
  const waiting = new Set<() => void>();
  const written = (): string => Buffer.concat(chunks).toString();
  const look = (): void => waiting.forEach((check) => check());
  child.stdout.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    look();
  });
  child.stdin.on('error', () => undefined); // it has ended before it was typed to
  let hasEnded = false;
  const ended = new Promise<{ output: string; exitCode: number | null }>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => {
      hasEnded = true;
      look();
      resolve({ output: written(), exitCode });
    });
  });
  let seen = 0;
  const shows = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        const at = written().indexOf(text, seen);
        if (at < 0 && !hasEnded) return;
        waiting.delete(check);
        if (at < 0) reject(new Error(`${line} has ended without ${JSON.stringify(text)}: ${written()}`));
        seen = at + text.length;
        resolve();
      };
      waiting.add(check);
      check();
    });
  return {
    type: (keys) => void child.stdin.write(keys),
    shows,
    written,
    ended,
    close: () => void child.kill(),
  };
}
