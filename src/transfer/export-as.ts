import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { ExitCode, OperatorError } from '../process/errors.ts';
import { commandAs, type Owner, ownCommand } from '../process/hand-over.ts';
import { countOf } from '../process/text.ts';
import { type ExportOptions, unwritten } from './export.ts';
import { fileOutput, type Output } from './output.ts';

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
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const ended = once(child, 'exit') as Promise<[number | null]>;
    const [count, [code]] = await Promise.all([copy(child.stdout, output), ended]);
    if (code !== 0) return (code ?? ExitCode.tryAgain) as ExitCode;
    output.finish();
    out(`exported ${countOf(count, 'target')} to ${file}\n`);
    return ExitCode.ok;
  } catch (error) {
    child.kill();
    throw error instanceof OperatorError ? error : unwritten(error);
  } finally {
    output.abandon(); // where it is finished, there is nothing left to remove
  }
}

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
