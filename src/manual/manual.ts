import { readFileSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { timeText } from '../process/text.ts';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';
import { ownFile, VERSION } from '../process/installation.ts';
import { commandTree } from './command-tree.ts';
import { bashCompletion } from './completion-bash.ts';
import { fishCompletion } from './completion-fish.ts';
import { zshCompletion } from './completion-zsh.ts';
import { completables } from './completion.ts';
import { configurationKeys } from './configuration-keys.ts';
import { manPage } from './man-page.ts';

/** The manual page of this program, whose date is that of the build. Throws OperatorError where a part is missing. */
export function manual(program: Command): string {
  return manPage({
    program: commandTree(program),
    keys: configurationKeys(readExample()),
    version: VERSION,
    date: timeText(statSync(import.meta.filename).mtimeMs).slice(0, 10),
  });
}

function readExample(): string {
  try {
    return readFileSync(ownFile('examples/config.yaml'), 'utf8');
  } catch (error) {
    throw new OperatorError(`the words about the configuration cannot be read: ${messageOf(error)}`, {
      exitCode: ExitCode.configuration,
      hint: 'examples/config.yaml belongs beside the folders bin and dist of xapplepush: install it again',
      cause: error,
    });
  }
}

const COMPLETIONS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

/** A script that completes the commands of this program. */
export function completionScript(program: Command, shell: keyof typeof COMPLETIONS): string {
  return COMPLETIONS[shell](completables(commandTree(program)));
}
