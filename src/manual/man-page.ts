import { type CommandEntry, everyCommand, type OptionEntry, type Value } from './command-tree.ts';
import type { KeyEntry } from './configuration-keys.ts';
import { DESCRIPTION, ENVIRONMENT, EXIT_CODES, FILES, SEE_ALSO, SIGNALS } from './page-words.ts';
import { bold, escaped, italic, macro, prose, tagged, verbatim } from './roff.ts';

export interface ManPageOptions {
  program: CommandEntry;
  keys: readonly KeyEntry[];
  version: string;
  /** ISO 8601. */
  date: string;
}

/** The manual page xapplepush(1) in man(7). */
export function manPage({ program, keys, version, date }: ManPageOptions): string {
  const commands = everyCommand(program).slice(1);
  const lines = [
    macro('TH', 'XAPPLEPUSH', '1', date, `xapplepush ${escaped(version)}`),
    '.nh', // names of files and options are copied, so they are not hyphenated
    '.ad l',
    ...section('NAME', [`xapplepush \\- ${escaped(NAME)}`]),
    ...section('SYNOPSIS', synopsis(program)),
    ...section('DESCRIPTION', paragraphs([program.description, ...DESCRIPTION, ...notesOf(program)])),
    ...section('OPTIONS', program.options.flatMap(describeOption)),
    ...section('COMMANDS', commands.flatMap(describeCommand)),
    ...section('CONFIGURATION', configuration(keys)),
    ...section('FILES', FILES.flatMap(term)),
    ...section('ENVIRONMENT', ENVIRONMENT.flatMap(term)),
    ...section('SIGNALS', SIGNALS.flatMap(term)),
    ...section('EXIT STATUS', exitCodes(EXIT_CODES)),
    ...section('EXAMPLES', program.explanation.examples.flatMap(example).slice(1)),
    ...section('SEE ALSO', [seeAlso()]),
  ];
  return `${lines.join('\n')}\n`;
}

const NAME = 'Apple Mail push for Cyrus IMAP and Dovecot';

function section(title: string, body: readonly string[]): string[] {
  return [macro('SH', title), ...body];
}

function paragraphs(texts: readonly string[]): string[] {
  return texts.flatMap((text, index) => [...(index === 0 ? [] : ['.PP']), ...prose(text)]);
}

function synopsis(program: CommandEntry): string[] {
  const forms = [program, ...everyCommand(program).filter(({ commands }) => commands.length === 0)];
  return forms.flatMap((entry, index) => [...(index === 0 ? [] : ['.br']), form(entry)]);
}

function form({ words, options, arguments: values, commands }: CommandEntry): string {
  const isGroup = commands.length > 0;
  return [
    bold(['xapplepush', ...words].join(' ')),
    ...(options.length > 0 ? [`[${italic('options')}]`] : []),
    ...values.map(placeholder),
    ...(isGroup ? [`[${italic('command')}]`] : []),
  ].join(' ');
}

function placeholder({ name, optional, variadic }: Value): string {
  const shown = `${italic(name)}${variadic ? '...' : ''}`;
  return optional ? `[${shown}]` : shown;
}

const notesOf = ({ explanation }: CommandEntry): readonly string[] => explanation.notes ?? [];

function describeCommand(entry: CommandEntry): string[] {
  const { words, description, options, arguments: values, explanation } = entry;
  const codes = exitCodes(explanation.exits ?? {});
  return [
    macro('SS', escaped(words.join(' '))),
    form(entry),
    '.PP',
    ...prose(`${capitalised(description)}.`),
    ...notesOf(entry).flatMap((note) => ['.PP', ...prose(note)]),
    ...values.flatMap((value) => tagged(placeholder(value), ...prose(`${capitalised(value.description)}.`))),
    ...options.flatMap(describeOption),
    ...(codes.length > 0 ? ['.PP', 'Exit codes:', ...codes] : []),
    ...(explanation.examples.length > 0 ? ['.PP', 'Examples:'] : []),
    ...explanation.examples.flatMap(example),
  ];
}

function describeOption({ names, value, description, byDefault }: OptionEntry): string[] {
  const shown = names.map(bold).join(', ');
  const tag = value === undefined ? shown : `${shown} ${placeholder(value)}`;
  const choices =
    value !== undefined && value.choices.length > 0 ? ` One of ${value.choices.join(', ')}.` : '';
  const text = `${capitalised(description)}.${choices}`;
  return tagged(tag, ...prose(byDefault === undefined ? text : `${text} Default: ${byDefault}.`));
}

function configuration(keys: readonly KeyEntry[]): string[] {
  const intro =
    'A file in YAML. Durations are a whole number with a unit: s, m, h or d. Paths are absolute. What is wrong in it, ' +
    'an unknown key included, is reported with its line and column. A dot in the names below stands for a further ' +
    'level of indentation.';
  return [...prose(intro), ...keys.flatMap(describeKey)];
}

function describeKey({ key, about, expected, byDefault }: KeyEntry): string[] {
  if (expected === undefined) return tagged(bold(`${key}:`), ...prose(about));
  const facts = [
    `Value: ${expected}.`,
    ...(byDefault === undefined ? [] : [`Default: \`${String(byDefault)}\`.`]),
  ];
  return tagged(bold(key), ...prose(about), '.br', ...prose(facts.join(' ')));
}

function exitCodes(codes: Readonly<Record<string, string>>): string[] {
  return Object.entries(codes).flatMap(term);
}

function term([name, meaning]: readonly [string, string]): string[] {
  return tagged(bold(name), ...prose(meaning));
}

function example([line, does]: readonly [string, string]): string[] {
  return [
    '.PP',
    ...prose(capitalised(does.endsWith('?') ? does : `${does}:`)),
    '.PP',
    '.in +4n',
    ...verbatim([line]),
    '.in',
  ];
}

function seeAlso(): string {
  return SEE_ALSO.map(([page, number]) => `${bold(page)}(${number})`).join(', ');
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
