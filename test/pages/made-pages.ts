import { readFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { type CommandEntry, commandTree, everyCommand } from '../../src/manual/command-tree.ts';
import { configurationKeys } from '../../src/manual/configuration-keys.ts';
import { testProgram } from '../support/command-tree.ts';
import { describedCommands, exitCodeTable, overview } from './command-sections.ts';
import { describedKeys } from './key-list.ts';

/** The pages of which a part is made of the source: what the part is, by its name in the page. */
export const MADE: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  'docs/commands.md': {
    overview: () => overview(leaves()),
    'exit codes': () => exitCodeTable(),
    commands: () => describedCommands(everyCommand(program()).slice(1)),
  },
  'docs/configuration.md': {
    keys: () => describedKeys(configurationKeys(readFileSync('examples/config.yaml', 'utf8'))),
  },
};

/** The page with its made parts as they would be now; what people wrote around them stays. */
export async function madeAnew(file: string): Promise<string> {
  let text = readFileSync(file, 'utf8');
  for (const [name, make] of Object.entries(MADE[file] ?? {})) text = withPart(text, name, make());
  return format(text, { ...(await resolveConfig(file)), parser: 'markdown' });
}

/** Throws where the page has no such part. */
function withPart(text: string, name: string, part: string): string {
  const [begin, end] = [`<!-- ${name}, by npm run pages -->`, `<!-- end of ${name} -->`];
  const [before, rest] = text.split(`${begin}\n`);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`no part ${begin} … ${end}`);
  return `${before}${begin}\n\n${part}\n\n${end}${after}`;
}

function program(): CommandEntry {
  return commandTree(testProgram());
}

/** What can be called: without those that only hold others. */
function leaves(): CommandEntry[] {
  return everyCommand(program()).filter(({ words, commands }) => words.length > 0 && commands.length === 0);
}
