import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline/promises';
import { styleText } from 'node:util';
import type { Surroundings } from '../process/surroundings.ts';
import { written } from './output.ts';

export type Colour = 'green' | 'yellow' | 'red' | 'dim';

/** Paints texts, or leaves them as they are. */
export type Paint = (text: string, colour: Colour) => string;

/** Whether to paint is decided here, and not by Node, whose releases look at different variables. */
export function painter(colour: boolean): Paint {
  return (text, name) => (colour ? styleText(name, text, { validateStream: false }) : text);
}

/** Whether to paint: on a terminal, unless NO_COLOR is set to something (https://no-color.org). */
export function wantsColour({ stdout, env }: Pick<Surroundings, 'stdout' | 'env'>): boolean {
  return stdout.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

type Asking = Pick<Surroundings, 'stdin' | 'stderr'>;

/** True where there is a person who can be asked. */
export function canAsk({ stdin, stderr }: Asking): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}

/** Asks on standard error; anything but y or yes, and the end of the input, is a no. Only where `canAsk`. */
export async function confirm(question: string, { stdin, stderr }: Asking): Promise<boolean> {
  const terminal = createInterface({ input: stdin, output: stderr });
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
  around: Pick<Surroundings, 'stdout' | 'env' | 'onSignals'>,
): Promise<void> {
  const { stdout } = around;
  const rows = stdout.isTTY === true ? (stdout.rows ?? 0) : 0;
  const pieces = typeof text === 'string' ? piecesOf([text]) : piecesOf(text);
  const { begin, isLong } = await firstScreen(pieces, rows);
  const reader = stdout.isTTY === true && isLong ? await pagerOf(around) : plain(stdout);
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
async function pagerOf({
  stdout,
  env,
  onSignals,
}: Pick<Surroundings, 'stdout' | 'env' | 'onSignals'>): Promise<Reader> {
  const pager = env['PAGER'] ?? 'less';
  if (pager === '' || !(await exists(pager, env))) return plain(stdout);
  const child = spawn('/bin/sh', ['-c', `exec ${pager}`], {
    stdio: ['pipe', 'inherit', 'ignore'],
    env: { ...LESS, ...env },
  });
  child.stdin.on('error', () => undefined); // whoever has read enough leaves
  const restore = onSignals(['SIGINT'], () => undefined); // Ctrl-C is for the pager, which has the terminal
  const closed = new Promise((resolve) => child.on('close', resolve).on('error', resolve));
  return {
    stream: child.stdin,
    end: async () => {
      child.stdin.end();
      await closed;
      restore();
    },
  };
}

function plain(stream: NodeJS.WritableStream): Reader {
  return { stream, end: () => Promise.resolve() };
}

/** Whether the shell finds the first word of the line as a command. */
async function exists(line: string, environment: NodeJS.ProcessEnv): Promise<boolean> {
  const script = 'command -v "${1%% *}"';
  const child = spawn('/bin/sh', ['-c', script, 'sh', line.trim()], { stdio: 'ignore', env: environment });
  return new Promise((resolve) => {
    child.on('error', () => resolve(false)).on('close', (code) => resolve(code === 0));
  });
}
