import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline/promises';

/** SGR parameters of ECMA-48. */
export type Colour = 'green' | 'yellow' | 'red' | 'faint' | 'bold';
const SGR: Readonly<Record<Colour, number>> = { green: 32, yellow: 33, red: 31, faint: 2, bold: 1 };

/** Paints texts, or leaves them as they are. */
export type Paint = (text: string, colour: Colour) => string;

export function painter(colour: boolean): Paint {
  return (text, name) => (colour ? `\u001b[${SGR[name]}m${text}\u001b[0m` : text);
}

/** Whether to paint: on a terminal, unless NO_COLOR is set to something (https://no-color.org). */
export function wantsColour(isTerminal: boolean, environment: NodeJS.ProcessEnv): boolean {
  return isTerminal && (environment['NO_COLOR'] ?? '') === '' && environment['TERM'] !== 'dumb';
}

/** True where there is a person who can be asked. */
export function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/** Asks on standard error; anything but y or yes, and the end of the input, is a no. Only where `canAsk`. */
export async function confirm(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  try {
    const answer = await Promise.race([terminal.question(`${question} [y/N] `), ended]);
    return /^\s*y(?:es)?\s*$/i.test(answer);
  } finally {
    terminal.close();
  }
}

/** Shows a text: through the pager where it is longer than the terminal, else as it is. */
export async function page(text: string, environment: NodeJS.ProcessEnv = process.env): Promise<void> {
  const lines = text.split('\n').length;
  const pager = environment['PAGER'] ?? 'less';
  const isLong = process.stdout.isTTY && lines > process.stdout.rows;
  if (!isLong || pager === '' || !(await runPager(pager, text, environment))) process.stdout.write(text);
}

/** Quit where it fits on a screen, pass colours on, leave the text on the screen; no history file. */
const LESS = { LESS: 'FRX', LESSHISTFILE: '-' };

/** False where there is no such pager. By the shell, since $PAGER may hold options (environ(7)). */
function runPager(pager: string, text: string, environment: NodeJS.ProcessEnv): Promise<boolean> {
  const child = spawn('/bin/sh', ['-c', `exec ${pager}`], {
    stdio: ['pipe', 'inherit', 'ignore'],
    env: { ...LESS, ...environment },
  });
  child.stdin.on('error', () => undefined); // whoever has read enough leaves
  child.stdin.end(text);
  return new Promise((resolve) => {
    child.on('error', () => resolve(false));
    child.on('close', (code) => resolve(code !== NOT_FOUND));
  });
}

/** What the shell says of a command that it does not find (sh(1)). */
const NOT_FOUND = 127;
