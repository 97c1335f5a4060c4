import type { Command } from 'commander';
import { ExitCode } from '../process/errors.ts';
import { canChangeUser } from '../process/identity.ts';
import { explain } from '../manual/explain.ts';
import type { CommandContext } from './context.ts';

/** Apple answers within a second; a step that takes longer than this fails. */
const STEP_TIMEOUT_MS = 10_000;

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
      ['xapplepush check', 'every point with its fix'],
      ['xapplepush check > /dev/null || mail -s "Mail push is broken" root', 'a line for a nightly job'],
      ['xapplepush check --json', 'for monitoring'],
    ],
  })
    .description('go through the whole set-up and say what is wrong with it, and the fix')
    .option('--json', 'print as JSON, for monitoring', false)
    .action(async ({ json }: { json: boolean }, command: Command) => {
      const { check } = await import('../check/check.ts');
      const { runDoveconf } = await import('../check/dovecot/run-doveconf.ts');
      const { describePoints, jsonOf } = await import('../check/show.ts');
      const { around } = context;
      const { wantsColour } = await import('../terminal/terminal.ts');
      const { points, exitCode } = await check({
        configFile: command.optsWithGlobals<{ config?: string }>().config,
        environment: around.env,
        clock: around.clock,
        timeoutMs: STEP_TIMEOUT_MS,
        actAsOwnerOf: around.actAsOwnerOf,
        canChangeUser,
        runDoveconf,
      });
      const colour = wantsColour(around);
      context.out(json ? jsonOf(points) : describePoints(points, { colour }));
      context.exit(exitCode);
    });
}
