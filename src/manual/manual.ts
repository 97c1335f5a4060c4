import { readFileSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { timeText } from '../table.ts';
import { VERSION } from '../version.ts';
import { commandTree } from './command-tree.ts';
import { bashCompletion } from './completion-bash.ts';
import { fishCompletion } from './completion-fish.ts';
import { zshCompletion } from './completion-zsh.ts';
import { completables } from './completion.ts';
import { configurationKeys } from './configuration-keys.ts';
import { manPage } from './man-page.ts';

const EXAMPLE = new URL('../../examples/config.yaml', import.meta.url);

/** The manual page of this program, whose date is that of the build. */
export function manual(program: Command): string {
  return manPage({
    program: commandTree(program),
    keys: configurationKeys(readFileSync(EXAMPLE, 'utf8')),
    version: VERSION,
    date: timeText(statSync(new URL(import.meta.url)).mtimeMs).slice(0, 10),
  });
}

const COMPLETIONS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

/** A script that completes the commands of this program. */
export function completionScript(program: Command, shell: keyof typeof COMPLETIONS): string {
  return COMPLETIONS[shell](completables(commandTree(program)));
}
