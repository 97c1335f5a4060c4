import { Command, CommanderError } from 'commander';
import { addCert } from './cli/cert.ts';
import { addCheck } from './cli/check.ts';
import { addCompletion } from './cli/completion.ts';
import { type CommandContext, createContext } from './cli/context.ts';
import { addDeliverer } from './cli/deliverer.ts';
import { addFlush } from './cli/flush.ts';
import { addHandle } from './cli/handle.ts';
import { addLog } from './cli/log.ts';
import { addMan } from './cli/man.ts';
import { addMockApns } from './cli/mock-apns.ts';
import { addOutbox } from './cli/outbox.ts';
import { addPrune } from './cli/prune.ts';
import { addPush } from './cli/push.ts';
import { addServe } from './cli/serve.ts';
import { addStatus } from './cli/status.ts';
import { addTargets } from './cli/targets.ts';
import { ExitCode, OperatorError } from './errors.ts';
import { HandedOver } from './hand-over.ts';
import { reportError } from './log.ts';
import { type Explanation, explain } from './manual/explain.ts';
import { EXIT_CODES } from './manual/page-words.ts';
import { VERSION } from './version.ts';

/** Runs the subcommand that the arguments name; gives its exit code. `handle` is not started here. */
export async function runCommand(argv: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = ExitCode.ok;
  const configFile = (): string | undefined => program.opts<{ config?: string }>().config;
  const context = createContext(configFile, (code) => (exitCode = code));
  const program = createProgram(context);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    await context.finish();
    return exitCode;
  } catch (error) {
    if (error instanceof HandedOver) throw error;
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
    reportError(error, context.log);
    return error instanceof OperatorError ? error.exitCode : ExitCode.tryAgain;
  }
}

/** The whole tree of commands: what they are called with, what they say of themselves, and what they do. */
export function createProgram(context: CommandContext): Command {
  const program = explain(new Command('xapplepush'), PROGRAM)
    .description('Turns what Cyrus or Dovecot tell about mailboxes into pushes for the Mail app of iPhones.')
    .option('--config <file>', 'configuration (else $XAPPLEPUSH_CONFIG, else /etc/xapplepush/config.yaml)')
    .version(VERSION, '-V, --version')
    .exitOverride();
  addCommands(program, context);
  tellOwnHelp(program, ['xapplepush']);
  return program;
}

/** Each command names its own help where it does not understand its arguments. */
function tellOwnHelp(command: Command, words: readonly string[]): void {
  command.configureOutput({ outputError: (text) => reportError(usageError(text, words)) });
  for (const each of command.commands) tellOwnHelp(each, [...words, each.name()]);
}

/** Takes commander's message: `error: …`, and where it has a guess `(Did you mean …?)` on a line of its own. */
function usageError(text: string, words: readonly string[]): OperatorError {
  const [, message = text, guess] = /^error: ([^]*?)\n(?:\(Did you mean (.*)\?\)\n)?$/.exec(text) ?? [];
  const see = `see: ${words.join(' ')} --help`;
  const hint = guess === undefined ? see : `did you mean ${guess}? If not, ${see}`;
  return new OperatorError(message, { exitCode: ExitCode.usage, hint });
}

function addCommands(program: Command, context: CommandContext): void {
  addHandle(program);
  addServe(program, context);
  addFlush(program, context);
  addTargets(program, context);
  addOutbox(program, context);
  addPrune(program, context);
  addPush(program, context);
  addCert(program, context);
  addCheck(program, context);
  addStatus(program, context);
  addLog(program, context);
  addMockApns(program, context);
  addMan(program, context);
  addCompletion(program, context);
  addDeliverer(program, context);
}

const PROGRAM: Explanation = {
  notes: [
    'Without a command it is `handle`: takes an event from standard input. ' +
      '`xapplepush COMMAND --help` tells what a command does and takes.',
  ],
  exits: EXIT_CODES,
  examples: [
    ['xapplepush check', 'what is wrong with the set-up, and the mend'],
    ['xapplepush status', 'is it working?'],
    ['xapplepush push alice', "a test push to alice's devices"],
  ],
};
