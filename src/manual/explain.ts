import type { Command } from 'commander';
import type { ExitCode } from '../process/errors.ts';
import { folded } from '../terminal/columns.ts';

/** What a command tells of itself beside its description, arguments and options; help and man page both show it. */
export interface Explanation {
  /** Lines of shell that can be copied, each with what it does. */
  examples: readonly (readonly [line: string, does: string])[];
  /** Paragraphs. */
  notes?: readonly string[];
  /** Exit codes whose meaning a script that runs this command wants to know. */
  exits?: Readonly<Partial<Record<ExitCode, string>>>;
}

const EXPLANATIONS = new WeakMap<Command, Explanation>();
const NARROW_COLUMNS = 80;

/** Adds the explanation to the command and to its help; gives the command. */
export function explain(command: Command, explanation: Explanation): Command {
  EXPLANATIONS.set(command, explanation);
  return command.addHelpText('after', ({ command: shown }) => helpText(explanation, shown));
}

/** What `explain` was told; undefined where a command was never explained. */
export function explanationOf(command: Command): Explanation | undefined {
  return EXPLANATIONS.get(command);
}

/** What an exit code means, and what an example does, stand so far from the margin. */
const TEXT_INDENT = 6;

function helpText({ examples, notes = [], exits = {} }: Explanation, command: Command): string {
  const columns = command.configureOutput().getOutHelpWidth?.() ?? NARROW_COLUMNS;
  const wrapped = (text: string): string => command.createHelp().boxWrap(text, columns);
  const below = (text: string): string =>
    folded(text, columns - TEXT_INDENT).join(`\n${' '.repeat(TEXT_INDENT)}`);
  const codes = Object.entries(exits).map(([code, meaning]) => `  ${code.padStart(2)}  ${below(meaning)}\n`);
  const lines = examples.map(([line, does]) => `  ${line}\n      ${below(does)}\n`);
  return [
    ...notes.map((note) => `\n${wrapped(note)}\n`),
    ...(codes.length === 0 ? [] : [`\nExit codes:\n${codes.join('')}`]),
    `\nExamples:\n${lines.join('')}`,
  ]
    .join('')
    .trimEnd();
}
