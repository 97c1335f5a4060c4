import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline/promises';
import { styleText } from 'node:util';
import { written } from './output.ts';

export type Colour = 'green' | 'yellow' | 'red' | 'dim';

/** Paints texts, or leaves them as they are. */
export type Paint = (text: string, colour: Colour) => string;

/** Whether to paint is decided here, and not by Node, whose releases look at different variables. */
export function painter(colour: boolean): Paint {
  return (text, name) => (colour ? styleText(name, text, { validateStream: false }) : text);
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

/**
 * Shows a text, which may come in pieces: through the pager where it is longer than the terminal, else as it is. Of a
 * long one no more is asked for than somebody reads.
 */
export async function page(
  text: string | AsyncIterable<string>,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  const pieces = typeof text === 'string' ? piecesOf([text]) : piecesOf(text);
  const { begin, isLong } = await firstScreen(pieces, process.stdout.isTTY ? process.stdout.rows : 0);
  const reader = process.stdout.isTTY && isLong ? await pagerOf(environment) : standardOutput();
  if (await written(reader.stream, begin))
    for await (const piece of pieces) if (!(await written(reader.stream, piece))) break;
  await reader.end();
}

async function* piecesOf(pieces: Iterable<string> | AsyncIterable<string>): AsyncGenerator<string> {
  yield* pieces;
}

/** The first pieces, until they are too long for so many rows. */
async function firstScreen(
  pieces: AsyncGenerator<string>,
  rows: number,
): Promise<{ begin: string; isLong: boolean }> {
  let [begin, lines] = ['', 0];
  while (lines < rows) {
    const next = await pieces.next();
    if (next.done) return { begin, isLong: false };
    begin += next.value;
    lines += next.value.split('\n').length - 1;
  }
  return { begin, isLong: true };
}

interface Reader {
  stream: NodeJS.WritableStream;
  end: () => Promise<void>;
}

/** Quit where it fits on a screen, pass colours on, leave the text on the screen; no history file. */
const LESS = { LESS: 'FRX', LESSHISTFILE: '-' };

/** $PAGER, by the shell since it may hold options (environ(7)); the terminal itself where there is none. */
async function pagerOf(environment: NodeJS.ProcessEnv): Promise<Reader> {
  const pager = environment['PAGER'] ?? 'less';
  if (pager === '' || !(await exists(pager, environment))) return standardOutput();
  const child = spawn('/bin/sh', ['-c', `exec ${pager}`], {
    stdio: ['pipe', 'inherit', 'ignore'],
    env: { ...LESS, ...environment },
  });
  child.stdin.on('error', () => undefined); // whoever has read enough leaves
  const stay = (): void => undefined; // Ctrl-C is for the pager, which has the terminal
  process.on('SIGINT', stay);
  const closed = new Promise((resolve) => child.on('close', resolve).on('error', resolve));
  return {
    stream: child.stdin,
    end: async () => {
      child.stdin.end();
      await closed;
      process.off('SIGINT', stay);
    },
  };
}

function standardOutput(): Reader {
  return { stream: process.stdout, end: () => Promise.resolve() };
}

/** Whether the shell finds the first word of the line as a command. */
async function exists(line: string, environment: NodeJS.ProcessEnv): Promise<boolean> {
  const script = 'command -v "${1%% *}"';
  const child = spawn('/bin/sh', ['-c', script, 'sh', line.trim()], { stdio: 'ignore', env: environment });
  return new Promise((resolve) => {
    child.on('error', () => resolve(false)).on('close', (code) => resolve(code === 0));
  });
}
