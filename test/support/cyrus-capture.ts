import { chmod, chown, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cyrusInstallation } from './cyrus-installation.ts';

/** One call of the handler by notifyd. */
export interface HandlerCall {
  /** Without the path of the handler. */
  argv: string[];
  /** NAME=value, in the order of the environment. */
  environment: string[];
  standardOutput: string;
  umask: string;
  /** The raw line of standard input. */
  input: string;
  event: Record<string, unknown>;
}

export interface Capture {
  /** What goes into notify_external. */
  handler: string;
  /** The calls since the previous one that was taken, up to and with the first of this event name. */
  through(eventName: string): Promise<HandlerCall[]>;
  remove(): Promise<void>;
}

const ARRIVAL_TIMEOUT_MS = 10_000;
const LINES_PER_CALL = 5;

/** A handler that appends what it was called with to a file; notifyd runs one at a time, so calls never mix. */
export async function createCapture(): Promise<Capture> {
  const { uid, gid } = cyrusInstallation();
  const dir = await mkdtemp(join(await realpath(tmpdir()), 'capture-'));
  await chmod(dir, 0o755);
  await chown(dir, uid, gid);
  const handler = join(dir, 'handler');
  await writeFile(handler, handlerScript(join(dir, 'calls')));
  await chmod(handler, 0o755);
  let taken = 0;
  return {
    handler,
    through: async (eventName) => {
      const fresh = await arrived(join(dir, 'calls'), taken, eventName);
      taken += fresh.length;
      return fresh;
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

/** Collects everything before it appends: a redirection of the whole would show up as standard output. */
function handlerScript(calls: string): string {
  return `#!/bin/sh
argv=$(for argument do printf '%s\\t' "$argument"; done; echo .)
environment=$(tr '\\0' '\\t' < /proc/$$/environ)
output=$(readlink /proc/$$/fd/1)
input=$(cat)
printf '%s\\n' "$argv" "$environment" "$output" "$(umask)" "$input" >> '${calls}'
`;
}

async function arrived(path: string, taken: number, eventName: string): Promise<HandlerCall[]> {
  const deadline = performance.now() + ARRIVAL_TIMEOUT_MS;
  for (;;) {
    const fresh = parseCalls(await readIfThere(path)).slice(taken);
    const last = fresh.findIndex(({ event }) => event['event'] === eventName);
    if (last >= 0) return fresh.slice(0, last + 1);
    if (performance.now() > deadline) {
      throw new Error(`no ${eventName}; came: ${fresh.map(({ input }) => input).join('\n') || 'nothing'}`);
    }
    await sleep(20);
  }
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    // The first call creates the file.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}

function parseCalls(text: string): HandlerCall[] {
  const lines = text.split('\n').slice(0, -1);
  const complete = Math.floor(lines.length / LINES_PER_CALL);
  return Array.from({ length: complete }, (_, index) => parseCall(lines.slice(index * LINES_PER_CALL)));
}

function parseCall([
  argv = '',
  environment = '',
  standardOutput = '',
  umask = '',
  input = '',
]: string[]): HandlerCall {
  return {
    argv: argv.split('\t').slice(0, -1),
    environment: environment.split('\t').filter((variable) => variable !== ''),
    standardOutput,
    umask,
    input,
    event: JSON.parse(input) as Record<string, unknown>,
  };
}
