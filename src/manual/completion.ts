import { type CommandEntry, everyCommand, type OptionEntry, type Value } from './command-tree.ts';

/** What may stand for a value: a file, a folder, a user who has devices, one of these words, or what nobody can guess. */
export type ValueKind = 'file' | 'folder' | 'user' | 'free' | readonly string[];

export interface CompletableOption {
  names: readonly string[];
  about: string;
  /** Whether it can be given again. */
  repeats: boolean;
  /** Absent for a flag. */
  value?: ValueKind;
}

/** What can follow the words of a command. */
export interface Completable {
  /** After the program's name; none for the program itself. */
  words: readonly string[];
  commands: readonly { name: string; about: string }[];
  options: readonly CompletableOption[];
  /** Arguments by their place. */
  values: readonly ValueKind[];
}

const HELP: OptionEntry = { names: ['-h', '--help'], description: 'show its help' };

/** Every command with what can follow it. Options of the program hold everywhere; without a command it is `handle`. */
export function completables(program: CommandEntry): Completable[] {
  const handle = program.commands.find(({ words }) => words[0] === 'handle');
  const general = program.options.filter(({ value }) => value !== undefined);
  return everyCommand(program).map((entry) => ({
    words: entry.words,
    commands: entry.commands.map(({ words, description }) => ({
      name: words.at(-1) ?? '',
      about: description,
    })),
    options: [
      ...entry.options,
      ...(entry === program ? [...(handle?.options ?? []).filter(isLong)] : general),
      HELP,
    ].map(completableOption),
    values: entry.arguments.map(kindOf),
  }));
}

/** Those that only notifyd(8) passes are short, and no use to people. */
function isLong({ names }: OptionEntry): boolean {
  return names.some((name) => name.startsWith('--'));
}

function completableOption({ names, description, value }: OptionEntry): CompletableOption {
  const repeats = value?.variadic ?? false;
  return { names, about: description, repeats, ...(value !== undefined && { value: kindOf(value) }) };
}

function kindOf({ name, choices }: Value): ValueKind {
  if (choices.length > 0) return choices;
  if (name === 'file' || name === 'user') return name;
  return name === 'dir' ? 'folder' : 'free';
}
