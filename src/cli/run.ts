import { Command, CommanderError, Help } from 'commander';
import { addCert } from './cert.ts';
import { addCheck } from './check.ts';
import { addCompletion } from './completion.ts';
import { type CommandContext, createContext } from './context.ts';
import { addEndpoints } from './endpoints.ts';
import { addFlush } from './flush.ts';
import { addHandle } from './handle.ts';
import { addLog } from './log.ts';
import { addMan } from './man.ts';
import { addMetadata } from './metadata.ts';
import { addMockApns } from './mock-apns.ts';
import { addOutbox } from './outbox.ts';
import { addPrune } from './prune.ts';
import { addPush } from './push.ts';
import { addServe } from './serve.ts';
import { addStatus } from './status.ts';
import { addStore } from './store.ts';
import { addTargets } from './targets.ts';
import { ExitCode, exitCodeOf, OperatorError } from '../process/errors.ts';
import { HandedOver } from '../process/hand-over.ts';
import { reportError } from '../process/report.ts';
import type { Surroundings } from '../process/surroundings.ts';
import { type Explanation, explain } from '../manual/explain.ts';
import { EXIT_CODES } from '../manual/page-words.ts';
import { VERSION } from '../process/installation.ts';

/** Runs the subcommand that the arguments name; gives its exit code. `handle` is not started here. */
export async function runCommand(argv: readonly string[], around: Surroundings): Promise<ExitCode> {
  let exitCode: ExitCode = ExitCode.ok;
  const configFile = (): string | undefined => program.opts<{ config?: string }>().config;
  const context = createContext(around, configFile, (code) => (exitCode = code));
  const program = createProgram(context);
  try {
    await program.parseAsync(asHelp(argv, program), { from: 'user' });
    await context.finish();
    return exitCode;
  } catch (error) {
    if (error instanceof HandedOver) throw error;
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
    reportError(error, context.log ?? around);
    return exitCodeOf(error);
  }
}

/** `help WORDS…` asks for the help of a command, and commander would take one word of it, and any for a command. */
function asHelp(argv: readonly string[], program: Command): string[] {
  const [first, ...words] = argv;
  if (first !== 'help') return [...argv];
  const known: string[] = [];
  let command = program;
  for (const word of words) {
    const next = command.commands.find((each) => each.name() === word || each.aliases().includes(word));
    // Only what has commands says of another word that it knows none of that name; the rest would be done.
    if (next === undefined && command.commands.length > 0) return [...known, word];
    if (next === undefined) break;
    known.push(word);
    command = next;
  }
  return [...known, '--help'];
}

/** The whole tree of commands: what they are called with, what they say of themselves, and what they do. */
export function createProgram(context: CommandContext): Command {
  const program = explain(new Command('xapplepush'), PROGRAM)
    .description('Turns what Cyrus or Dovecot tell about mailboxes into pushes for the Mail app of iPhones.')
    .option('--config <file>', 'configuration (else $XAPPLEPUSH_CONFIG, else /etc/xapplepush/config.yaml)')
    .version(VERSION, '-V, --version')
    .exitOverride();
  addCommands(program, context);
  tellOwnHelp(program, ['xapplepush'], context);
  return program;
}

/** What an option does is broken into lines of so few columns at least: a terminal of 60 leaves no more beside some. */
const LEAST_COLUMNS = 20;

/** Each command names its own help where it does not understand its arguments. */
function tellOwnHelp(command: Command, words: readonly string[], context: CommandContext): void {
  command.configureOutput({
    writeOut: context.out,
    writeErr: (text) => context.around.tell(text),
    outputError: (text) => reportError(usageError(text, words), context.around),
  });
  command.configureHelp({
    minWidthToWrap: LEAST_COLUMNS,
    // That a switch is off until it is given is no news.
    optionDescription: (option) =>
      Help.prototype.optionDescription(option).replace(/ ?\(default: false\)$/, ''),
  });
  for (const each of command.commands) tellOwnHelp(each, [...words, each.name()], context);
}

/** Takes commander's message: `error: …`, and where it has a guess `(Did you mean …?)` on a line of its own. */
function usageError(text: string, words: readonly string[]): OperatorError {
  const [, message = text, guess] = /^error: ([^]*?)\n(?:\(Did you mean (.*)\?\)\n)?$/.exec(text) ?? [];
  const see = `see: ${words.join(' ')} --help`;
  const hint = guess === undefined ? see : `did you mean ${guess}? If not, ${see}`;
  return new OperatorError(inPlainWords(message), { exitCode: ExitCode.usage, hint });
}

/** Commander's sentences; of an option its name alone, since what stands for its value is for --help. */
const SENTENCES: readonly [RegExp, string][] = [
  [/^option '(?:-\w, )?(--?[\w-]+)[^']*' argument missing$/, 'option $1 has no value'],
  [/^required option '(?:-\w, )?(--?[\w-]+)[^']*' not specified$/, 'option $1 is missing'],
  [/^option '(?:-\w, )?(--?[\w-]+)[^']*' argument '(.*)' is invalid\. /, "option $1 is '$2'. "],
  [/^command-argument value '(.*)' is invalid for argument '(\w+)'\. /, "the $2 is '$1'. "],
  [/^missing required argument '(\w+)'$/, 'the $1 is missing'],
];

function inPlainWords(message: string): string {
  return SENTENCES.reduce((text, [pattern, words]) => text.replace(pattern, words), message);
}

function addCommands(program: Command, context: CommandContext): void {
  addHandle(program);
  addServe(program, context);
  addFlush(program, context);
  addTargets(program, context);
  addEndpoints(program, context);
  addMetadata(program, context);
  addOutbox(program, context);
  addPrune(program, context);
  addStore(program, context);
  addPush(program, context);
  addCert(program, context);
  addCheck(program, context);
  addStatus(program, context);
  addLog(program, context);
  addMockApns(program, context);
  addMan(program, context);
  addCompletion(program, context);
}

const PROGRAM: Explanation = {
  notes: [
    'Without a command it is `handle`: takes an event from standard input. ' +
      '`xapplepush COMMAND --help` tells what a command does and takes.',
  ],
  exits: EXIT_CODES,
  examples: [
    ['xapplepush check', 'what is wrong with the set-up, and the fix'],
    ['xapplepush status', 'is it working?'],
    ['xapplepush push alice', "a test push to alice's devices"],
  ],
};
