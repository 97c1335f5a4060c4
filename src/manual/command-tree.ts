import type { Argument, Command, Option } from 'commander';
import { type Explanation, explanationOf } from './explain.ts';

/** What stands for a value: what may be put there, where that is known. */
export interface Value {
  /** As in `<file>`, without the brackets. */
  name: string;
  /** Whether it can be left out. */
  optional: boolean;
  variadic: boolean;
  /** The only values that are taken; empty where it is free. */
  choices: readonly string[];
}

export interface OptionEntry {
  /** `-V`, `--version`, or one of them. */
  names: readonly string[];
  /** Absent for a flag. */
  value?: Value;
  description: string;
  /** Of a value, as it would be typed. */
  byDefault?: string;
}

export interface CommandEntry {
  /** After the program's name: `devices list`; none for the program itself. */
  words: readonly string[];
  description: string;
  arguments: readonly (Value & { description: string })[];
  options: readonly OptionEntry[];
  explanation: Explanation;
  commands: readonly CommandEntry[];
}

/** The tree of commands as data, without what people do not see: hidden commands, `help` and `--help`. */
export function commandTree(command: Command, words: readonly string[] = []): CommandEntry {
  const help = command.createHelp();
  const commands = help.visibleCommands(command).filter((each) => command.commands.includes(each));
  return {
    words,
    description: command.description(),
    arguments: command.registeredArguments.map((argument) => ({
      ...valueOf(argument.name(), argument, !argument.required),
      description: argument.description,
    })),
    options: command.options.filter(({ hidden }) => !hidden).map(optionEntry),
    explanation: explanationOf(command) ?? { examples: [] },
    commands: commands.map((each) => commandTree(each, [...words, each.name()])),
  };
}

/** The command and all below it, each before what is below it. */
export function everyCommand(entry: CommandEntry): CommandEntry[] {
  return [entry, ...entry.commands.flatMap(everyCommand)];
}

function optionEntry(option: Option): OptionEntry {
  const { short, long, description, defaultValueDescription } = option;
  const defaultValue: unknown = option.defaultValue;
  const [, name] = /[<[]([^>\].]+)/.exec(option.flags) ?? [];
  const names = [short, long].filter((each) => each !== undefined);
  if (name === undefined) return { names, description };
  const byDefault = defaultValueDescription ?? (typeof defaultValue === 'string' ? defaultValue : undefined);
  return {
    names,
    value: valueOf(name, option, option.optional),
    description,
    ...(byDefault !== undefined && { byDefault }),
  };
}

function valueOf(name: string, { variadic, argChoices }: Argument | Option, optional: boolean): Value {
  return { name, optional, variadic, choices: argChoices ?? [] };
}
