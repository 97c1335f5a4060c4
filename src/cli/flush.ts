import type { Command } from 'commander';
import { ExitCode } from '../process/errors.ts';
import { explain } from '../manual/explain.ts';
import type { CommandContext } from './context.ts';
import { safeJson } from '../process/safe-json.ts';

/** `flush`: what is due, once. */
export function addFlush(program: Command, context: CommandContext): void {
  explain(program.command('flush'), {
    notes: ['Cyrus runs it every five minutes where cyrus.conf says so; see the last example.'],
    exits: {
      [ExitCode.ok]: 'nothing is left that is due',
      [ExitCode.unavailable]: 'Apple cannot be reached; the pushes are kept',
      [ExitCode.tryAgain]:
        'a push or a file of the spool is left, and is kept; or the database cannot be used',
      [ExitCode.configuration]:
        'the configuration or the certificate cannot be used; or imapd.conf, and what needs none was sent',
    },
    examples: [
      ['xapplepush flush', 'what is due, and what lies in the spool'],
      ['xapplepush flush --all', 'also what waits for a later attempt, such as after Apple was down'],
      ['xapplepush cmd="/usr/bin/xapplepush flush" period=5', 'a line for EVENTS in cyrus.conf'],
    ],
  })
    .description('read the spool, deliver what is due, once, and exit')
    .option('--all', 'also try now what waits for a later attempt', false)
    .option('--json', 'print the report as JSON', false)
    .action(async ({ all, json }: { all: boolean; json: boolean }) => {
      const { flush, describeFlush } = await import('../delivery/flush.ts');
      const { report, exitCode } = await flush({
        ...(await context.settings()),
        clock: context.around.clock,
        all,
      });
      if (json) context.out(`${safeJson(report, 2)}\n`);
      else context.say(describeFlush(report));
      context.exit(exitCode);
    });
}
