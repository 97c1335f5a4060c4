import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { VERSION } from '../../src/process/installation.ts';
import type { Finished } from './command.ts';
import { runHere } from './here.ts';
import { openTerminal } from './terminal.ts';

/** A line that is played, and what it showed; or a line between them. */
export type TranscriptPart =
  | { kind: 'text'; line: string }
  | { kind: 'setting'; name: string; value: string }
  | {
      kind: 'command';
      /** As it stands in the file. */
      title: string;
      line: string;
      /** Absent: in a pipe. */
      terminal?: { columns: number; rows: number; keys: Keys[] };
    };

interface Keys {
  /** What the screen must show first. */
  after: string;
  keys: string;
}

export interface Place {
  cwd: string;
  env: Record<string, string>;
}

const COMMAND = /^(?:\$|(?:(\d+)x(\d+))?%) (.*)$/;
const KEYS = /^ {2}after ("(?:[^"\\]|\\.)*") type ("(?:[^"\\]|\\.)*")$/;
const SETTING = /^@ (\S+) ?(.*)$/;
const EXIT = /^\[exit (?:\d+|null)\]$/;

/** Reads a transcript. Output is passed over: it is what the play is compared with. Throws for what it cannot read. */
export function parseTranscript(text: string): TranscriptPart[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const parts: TranscriptPart[] = [];
  while (lines.length > 0) {
    const line = lines.shift() ?? '';
    const [, columns, rows, command] = COMMAND.exec(line) ?? [];
    const [, name, value = ''] = SETTING.exec(line) ?? [];
    if (command !== undefined) {
      const onTerminal = !line.startsWith('$');
      const size = { columns: Number(columns ?? 100), rows: Number(rows ?? 30) };
      const terminal = onTerminal ? { ...size, keys: keysIn(lines) } : undefined;
      parts.push({ kind: 'command', title: line, line: command, ...(terminal && { terminal }) });
      const end = lines.findIndex((each) => EXIT.test(each));
      const nextCommand = lines.findIndex((each) => COMMAND.test(each));
      // A command without its [exit N] is new: UPDATE_TRANSCRIPTS writes what it shows.
      if (end >= 0 && (nextCommand < 0 || end < nextCommand)) lines.splice(0, end + 1);
    } else if (name !== undefined) parts.push({ kind: 'setting', name, value });
    else if (line === '' || line.startsWith('#')) parts.push({ kind: 'text', line });
    else throw new Error(`not a comment, a setting or a command: ${JSON.stringify(line)}`);
  }
  return parts;
}

function keysIn(lines: string[]): Keys[] {
  const found: Keys[] = [];
  for (let match; (match = KEYS.exec(lines[0] ?? '')) !== null; lines.shift())
    found.push({ after: JSON.parse(match[1] ?? '') as string, keys: JSON.parse(match[2] ?? '') as string });
  return found;
}

/** Runs the command; gives its part of the transcript, as text with a newline at its end. */
export async function playCommand(
  part: Extract<TranscriptPart, { kind: 'command' }>,
  place: Place,
): Promise<string> {
  const { terminal } = part;
  const keys = terminal?.keys ?? [];
  const typed = keys.map(
    ({ after, keys }) => `  after ${JSON.stringify(after)} type ${JSON.stringify(keys)}\n`,
  );
  const { shown, exitCode } = terminal
    ? await playOnTerminal(part.line, terminal, place)
    : await playInPipe(part.line, place);
  return `${part.title}\n${typed.join('')}${normalised(shown, place)}[exit ${exitCode}]\n`;
}

interface Played {
  shown: string;
  exitCode: number | null;
}

async function playOnTerminal(
  line: string,
  { columns, rows, keys }: { columns: number; rows: number; keys: Keys[] },
  place: Place,
): Promise<Played> {
  const terminal = openTerminal(line, { ...place, columns, rows });
  for (const { after, keys: typed } of keys) {
    await terminal.shows(after);
    terminal.type(typed);
  }
  const { output, exitCode } = await terminal.ended;
  return { shown: lines(output.replaceAll('\r\n', '\n')), exitCode };
}

/** Standard output first, then standard error with a mark. */
async function playInPipe(line: string, place: Place): Promise<Played> {
  const call = callIn(line);
  const { stdout, stderr, exitCode } = await (call === undefined
    ? playInShell(line, place)
    : playHere(call, place));
  const errors = lines(stderr).replace(/^(.*)\n/gm, (_, each: string) => `${`! ${each}`.trimEnd()}\n`);
  return { shown: lines(stdout) + errors, exitCode };
}

/** A call of the program that needs no shell. */
export interface Call {
  args: string[];
  /** What stands behind `<`. */
  inputFile?: string;
}

/** Undefined for a line that needs one. */
export function callIn(line: string): Call | undefined {
  const match = /^xapplepush((?: (?:[\w./@+:=,-]+|'[^']*'))*)(?: < ([\w./-]+))?$/.exec(line);
  if (match === null) return undefined;
  const [, words = '', inputFile] = match;
  const args = [...words.matchAll(/[^ ']+|'[^']*'/g)].map(([word]) => word.replaceAll("'", ''));
  return { args, ...(inputFile !== undefined && { inputFile }) };
}

/** In this process, much sooner than in one of its own. */
async function playHere({ args, inputFile }: Call, { cwd, env }: Place): Promise<Finished> {
  const before = process.cwd();
  process.chdir(cwd);
  try {
    const input = inputFile === undefined ? '' : readFileSync(resolve(cwd, inputFile));
    return await runHere(args, { env, input });
  } finally {
    process.chdir(before);
  }
}

async function playInShell(line: string, { cwd, env }: Place): Promise<Finished> {
  const child = spawn('/bin/sh', ['-c', line], {
    cwd,
    env: { PATH: '/usr/bin:/bin', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  });
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return {
    stdout: Buffer.concat(stdout).toString(),
    stderr: Buffer.concat(stderr).toString(),
    exitCode,
  };
}

/** Control characters as their pictures; output that does not end with a newline says so. */
function lines(output: string): string {
  const visible = output.replace(/[^\P{Cc}\n]/gu, (character) => {
    const code = character.charCodeAt(0);
    return code === 0x7f ? '␡' : code < 0x20 ? String.fromCharCode(0x2400 + code) : `<${code.toString(16)}>`;
  });
  return visible === '' || visible.endsWith('\n') ? visible : `${visible}[no newline]\n`;
}

/** What differs from one run to the next, and what stands for it: as wide as the original where columns follow. */
const VOLATILE: readonly [RegExp, string][] = [
  [/(?<!\d)\d{4}-\d\d-\d\d(T| )\d\d:\d\d:\d\d(?:(\.)\d{3})?/g, '2000-01-01$100:00:00$2'],
  [/(?<=2000-01-01T00:00:00\.)/g, '000'],
  [/\b1[789]\d{11}\b/g, '0000000000000'], // milliseconds since the epoch
  [/(?<!XServer\.)\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/g, '00000000-0000-0000-0000-000000000000'],
  [/(?<=fingerprint"?:? +(?:SHA-256 |"))[0-9a-f]{64}/g, 'f'.repeat(64)],
  [/(?<=\bpid[ =:"]{1,3})\d+/g, 'PID'],
  [/(?<=(?:127\.0\.0\.1|\[::1\]|localhost):|\banswers on port )\d+/g, 'PORT'],
  [/\b\d+ ?(?:ms|s|m|min|h|d|(?:second|minute|hour|day)s?)(?= ago\b)/g, '0s'],
  [/\b\d+\.\d s(?= after the event\b)/g, '0.0 s'],
  [/(?<="tookMs":)\d+/g, '0'],
  [/(?<=\b(?:with)?in )\d+ (?:second|minute|hour|day)s?\b/g, '0s'],
  [/(?<="medianDelayMs": |\bmedian delay )\d+(?:\.\d)?/g, '0'],
  [/\b\d+(?= days left\b)|(?<="daysLeft": )\d+/g, 'N'],
];

function normalised(shown: string, { cwd }: Place): string {
  const known = shown
    .replaceAll(cwd, 'DIR')
    .replaceAll(new RegExp(`(?<![\\d.])${VERSION.replaceAll('.', '\\.')}(?![\\d.])`, 'g'), 'VERSION');
  return VOLATILE.reduce((text, [pattern, stand]) => text.replaceAll(pattern, stand), known);
}
