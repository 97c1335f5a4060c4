import type { CommandEntry, OptionEntry, Value } from '../../src/manual/command-tree.ts';
import { EXIT_CODES } from '../../src/manual/page-words.ts';
import { capitalised, prose } from './prose.ts';

/** A table with a row for each command: what it does, and the names of its options. */
export function overview(commands: readonly CommandEntry[]): string {
  const rows = commands.map(
    (entry) => `| ${callsOf(entry)} | ${prose(entry.description)}${optionNames(entry)} |`,
  );
  return ['| command | what it does |', '| --- | --- |', ...rows].join('\n');
}

/** `handle` is what the bare name does. */
function callsOf({ words, arguments: values }: CommandEntry): string {
  const call = `\`${['xapplepush', ...words, ...values.map(placeholder)].join(' ')}\``;
  return words[0] === 'handle' ? `\`xapplepush\` or ${call}` : call;
}

function optionNames({ options }: CommandEntry): string {
  const names = options.map(({ names }) => `\`${names.join(' ')}\``);
  return names.length === 0 ? '' : `; ${names.join(', ')}`;
}

export function exitCodeTable(): string {
  const rows = Object.entries(EXIT_CODES).map(([code, meaning]) => `| ${code} | ${prose(meaning)} |`);
  return ['| exit code | meaning |', '| --- | --- |', ...rows].join('\n');
}

/** A section for each command: all that its help says. */
export function describedCommands(commands: readonly CommandEntry[]): string {
  return commands.map(described).join('\n\n');
}

function described(entry: CommandEntry): string {
  const { words, description, explanation, commands } = entry;
  const codes = Object.entries(explanation.exits ?? {});
  return [
    `### xapplepush ${words.join(' ')}`,
    `${capitalised(prose(description))}.`,
    ...(explanation.notes ?? []).map(prose),
    ...(commands.length === 0 ? [list(entry)] : []),
    ...(codes.length === 0 ? [] : [`Exit codes:\n\n${codes.map(codeItem).join('\n')}`]),
    ['```', ...explanation.examples.flatMap(([line, does]) => [`# ${does}`, line]), '```'].join('\n'),
  ]
    .filter(Boolean)
    .join('\n\n');
}

const codeItem = ([code, meaning]: [string, string]): string => `- ${code}: ${prose(meaning)}`;

/** Arguments, then options. */
function list({ arguments: values, options }: CommandEntry): string {
  return [
    ...values.map((value) => `- \`${placeholder(value)}\`: ${prose(value.description)}${choicesOf(value)}`),
    ...options.map(optionItem),
  ].join('\n');
}

function optionItem({ names, value, description, byDefault }: OptionEntry): string {
  const shown = value === undefined ? '' : ` ${placeholder(value)}`;
  const told = `- \`${names.join(', ')}${shown}\`: ${prose(description)}${choicesOf(value)}`;
  return byDefault === undefined ? told : `${told}; default: \`${byDefault}\``;
}

function choicesOf(value: Value | undefined): string {
  return value === undefined || value.choices.length === 0 ? '' : `: one of ${value.choices.join(', ')}`;
}

function placeholder({ name, optional, variadic }: Value): string {
  const shown = `${name.toUpperCase()}${variadic ? '…' : ''}`;
  return optional ? `[${shown}]` : shown;
}
