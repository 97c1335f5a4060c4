import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { Config } from '../config/config.ts';
import { withStore } from '../store/configured.ts';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';
import { comparableUser } from '../mailboxes/user-name.ts';
import { commandAs, handDown, type Owner, ownCommand } from '../process/hand-over.ts';
import { countOf } from '../process/text.ts';
import type { Store } from '../store/store.ts';
import type { TargetKey } from '../store/targets.ts';
import type { WholeTarget } from '../targets/record.ts';
import { fileOutput, type Output, streamOutput } from './output.ts';
import { HEADER_LINE, targetLine } from './target-line.ts';

export interface ExportOptions {
  /** `-`: standard output. */
  file: string;
  /** Only the targets of this user. */
  user: string | undefined;
  /** Replace the file where there is one. */
  force: boolean;
}

/** Writes targets as JSON lines, tokens and account ids complete; says how many where that is not in their way. */
export async function exportTargets(
  config: Config,
  { file, user, force }: ExportOptions,
  out: (text: string) => void,
  stdout: NodeJS.WritableStream,
): Promise<void> {
  await withStore(config, async (store) => {
    const output = file === '-' ? streamOutput(stdout) : fileOutput(file, { replace: force });
    const comparable = user === undefined ? undefined : comparableUser(user, config.users);
    const count = await writeTargets(exportedTargets(store, comparable), output);
    if (file !== '-') out(`exported ${countOf(count, 'device')} to ${file}\n`);
  });
}

/** Targets that are read at once: few enough for the memory, though each may have thousands of mailboxes. */
const PAGE = 100;

/** Each page is a transaction of its own, so that a slow reader holds nobody up; what changes meanwhile may be in it. */
export async function* exportedTargets(store: Store, user?: string): AsyncGenerator<WholeTarget[]> {
  let after: TargetKey = { user: '', deviceToken: '', accountId: '' };
  for (;;) {
    const page = await store.exportTargets(after, PAGE, user);
    const last = page.at(-1);
    if (last === undefined) return;
    yield page;
    after = last;
  }
}

async function writeTargets(
  pages: AsyncIterable<Parameters<typeof targetLine>[0][]>,
  output: Output,
): Promise<number> {
  let count = 0;
  try {
    await output.write(HEADER_LINE);
    for await (const page of pages) {
      await output.write(page.map(targetLine).join(''));
      count += page.length;
    }
    output.finish();
    return count;
  } catch (error) {
    output.abandon();
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return count; // whoever reads has enough
    throw error instanceof OperatorError ? error : unwritten(error);
  }
}

/**
 * Exports into a file that the owner of the database perhaps may not write: a process of the owner's reads the
 * database, and this one, root's, writes the file and gives it to the owner. Gives the exit code.
 */
export async function exportAs(
  owner: Owner,
  { file, user, force }: ExportOptions,
  configFile: string | undefined,
  out: (text: string) => void,
): Promise<ExitCode> {
  const output = fileOutput(file, { replace: force, owner });
  const [program, ...args] = commandAs(owner, exportCommand(user, configFile));
  const child = startReading(program, args, configFile);
  try {
    const ended = once(child, 'exit') as Promise<[number | null]>;
    const [count, [code]] = await Promise.all([copy(child.stdout, output), ended]);
    if (code !== 0) return (code ?? ExitCode.tryAgain) as ExitCode;
    output.finish();
    out(`exported ${countOf(count, 'device')} to ${file}\n`);
    return ExitCode.ok;
  } catch (error) {
    child.kill();
    throw error instanceof OperatorError ? error : unwritten(error);
  } finally {
    output.abandon(); // where it is finished, there is nothing left to remove
  }
}

function startReading(program: string, args: readonly string[], configFile: string | undefined): Reading {
  const streams = ['ignore', 'pipe', 'inherit'] as const;
  const { env, files } = handDown(configFile, streams.length);
  return spawn(program, args, { env, stdio: [...streams, ...files] }) as Reading;
}

type Reading = ChildProcessByStdio<null, Readable, null>;

function exportCommand(user: string | undefined, configFile: string | undefined): string[] {
  const config = configFile === undefined ? [] : ['--config', configFile];
  const ofUser = user === undefined ? [] : ['--user', user];
  return [...ownCommand(), ...config, 'targets', 'export', ...ofUser];
}

/** Gives the number of targets: each has a line, below that of the header. */
async function copy(source: NodeJS.ReadableStream, output: Output): Promise<number> {
  let lines = 0;
  for await (const chunk of source.setEncoding('utf8') as AsyncIterable<string>) {
    await output.write(chunk);
    lines += chunk.split('\n').length - 1;
  }
  return lines - 1;
}

/** What a failure means that is none of ours. */
function unwritten(error: unknown): OperatorError {
  return new OperatorError(`cannot write the export: ${messageOf(error)}`, {
    exitCode: ExitCode.tryAgain,
    hint: 'what was written is not the whole',
    cause: error,
  });
}
