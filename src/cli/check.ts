import type { Command } from 'commander';
import { ExitCode } from '../process/errors.ts';
import { canChangeUser } from '../process/identity.ts';
import { explain } from '../manual/explain.ts';
import { OWNERS_PART_ONLY } from '../check/as-owner.ts';
import type { Printer } from '../check/printer.ts';
import type { CommandContext } from './context.ts';

/** Apple answers within a second; a step that takes longer than this fails. */
const STEP_TIMEOUT_MS = 10_000;

/** Of a terminal that does not tell its width. */
const USUAL_COLUMNS = 80;

interface CheckFlags {
  json: boolean;
  verbose: boolean;
  ownersPartOnly: boolean;
}

/** `check`: reads the configuration itself, since its faults are among what it tells. */
export function addCheck(program: Command, context: CommandContext): void {
  explain(program.command('check'), {
    notes: ['Run it as root, so that files can be tried as the user that the mail server runs as.'],
    exits: {
      [ExitCode.ok]: 'all is well, or there are warnings only',
      [ExitCode.problem]: 'there is a problem',
      [ExitCode.configuration]: 'the configuration cannot be used',
    },
    examples: [
      ['xapplepush check', 'what is wrong, with the fix, subject by subject'],
      ['xapplepush check | grep -v ^ok', 'a line for each point in a pipe'],
      ['xapplepush check > /dev/null || mail -s "Mail push is broken" root', 'a line for a nightly job'],
      ['xapplepush check --json', 'for monitoring'],
    ],
  })
    .description('go through the whole set-up and say what is wrong with it, and the fix')
    .option('--json', 'print as JSON, for monitoring', false)
    .option('--verbose', 'on a terminal, tell each point that is well too', false)
    .addOption(
      program.createOption(OWNERS_PART_ONLY, 'as the owner of the database').default(false).hideHelp(),
    )
    .action((flags: CheckFlags, command: Command) => runCheck(flags, command, context));
}

async function runCheck(
  { json, verbose, ownersPartOnly }: CheckFlags,
  command: Command,
  context: CommandContext,
): Promise<void> {
  const { check } = await import('../check/check.ts');
  const { runDoveconf } = await import('../check/dovecot/run-doveconf.ts');
  const { jsonOf } = await import('../check/show.ts');
  const { around, out } = context;
  const printer = await printerFor(context, verbose);
  const { points, exitCode } = await check({
    configFile: command.optsWithGlobals<{ config?: string }>().config,
    environment: around.env,
    clock: around.clock,
    timeoutMs: STEP_TIMEOUT_MS,
    actAsOwnerOf: around.actAsOwnerOf,
    ...{ canChangeUser, ownersPartOnly },
    runDoveconf,
    ...(json ? {} : { listener: printer }),
  });
  if (json) out(jsonOf(points));
  else printer.finish(points);
  context.exit(exitCode);
}

async function printerFor({ around, out }: CommandContext, verbose: boolean): Promise<Printer> {
  const { createPrinter } = await import('../check/printer.ts');
  const { wantsColour } = await import('../terminal/terminal.ts');
  const { columns, isTTY } = around.stdout;
  return createPrinter({
    ...{ out, colour: wantsColour(around), verbose },
    columns: isTTY === true ? (columns ?? USUAL_COLUMNS) : undefined,
  });
}
