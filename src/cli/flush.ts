import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import type { CommandContext } from './context.ts';

/** `flush`: what is due, once. */
export function addFlush(program: Command, context: CommandContext): void {
  program
    .command('flush')
    .description('read the spool, deliver what is due, once, and exit')
    .option('--all', 'also try now what waits for a later attempt', false)
    .option('--json', 'print the report as JSON', false)
    .addHelpText(
      'after',
      '\nExample (cyrus.conf, EVENTS):\n  xapplepush cmd="/usr/bin/xapplepush flush" period=5',
    )
    .action(async ({ all, json }: { all: boolean; json: boolean }) => {
      const { flush, describeFlush } = await import('../flush.ts');
      const { report, exitCode } = await flush({ ...context.settings(), clock: systemClock, all });
      context.out(json ? `${JSON.stringify(report, null, 2)}\n` : describeFlush(report));
      context.exit(exitCode);
    });
}
