import { Command, CommanderError } from 'commander';
import { addCert } from './cli/cert.ts';
import { addCheck } from './cli/check.ts';
import { type CommandContext, createContext } from './cli/context.ts';
import { addDeliverer } from './cli/deliverer.ts';
import { addFlush } from './cli/flush.ts';
import { addHandle } from './cli/handle.ts';
import { addMockApns } from './cli/mock-apns.ts';
import { addPrune } from './cli/prune.ts';
import { addPush } from './cli/push.ts';
import { addServe } from './cli/serve.ts';
import { addStatus } from './cli/status.ts';
import { addTargets } from './cli/targets.ts';
import { ExitCode, OperatorError } from './errors.ts';
import { reportError } from './log.ts';
import { VERSION } from './version.ts';

/** Runs the subcommand that the arguments name; gives its exit code. `handle` is not started here. */
export async function runCommand(argv: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = ExitCode.ok;
  const program = createProgram();
  const configFile = (): string | undefined => program.opts<{ config?: string }>().config;
  const context = createContext(configFile, (code) => (exitCode = code));
  addCommands(program, context);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
    reportError(error, context.log);
    return error instanceof OperatorError ? error.exitCode : ExitCode.tryAgain;
  }
}

function createProgram(): Command {
  return new Command('xapplepush')
    .description('Turns what Cyrus or Dovecot tell about mailboxes into pushes for the Mail app of iPhones.')
    .option('--config <file>', 'configuration (else $XAPPLEPUSH_CONFIG, else /etc/xapplepush/config.yaml)')
    .version(VERSION, '-V, --version')
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => {
        write(`xapplepush: ${text.replace(/\n*$/, '\n')}xapplepush: hint: see: xapplepush --help\n`);
      },
    });
}

function addCommands(program: Command, context: CommandContext): void {
  addHandle(program);
  addServe(program, context);
  addFlush(program, context);
  addTargets(program, context);
  addPrune(program, context);
  addPush(program, context);
  addCert(program, context);
  addCheck(program, context);
  addStatus(program, context);
  addMockApns(program);
  addDeliverer(program, context);
}
