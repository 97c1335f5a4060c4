import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import { explain } from '../manual/explain.ts';
import type { CommandContext } from './context.ts';

/** `status`: is it working? */
export function addStatus(program: Command, context: CommandContext): void {
  explain(program.command('status'), {
    examples: [
      ['xapplepush status', 'is it working, on one screen'],
      ['xapplepush status --json', 'the same for monitoring'],
    ],
  })
    .description("counts, last success and failure, waiting pushes, spool, and the certificate's end")
    .option('--json', 'print as JSON', false)
    .action(async ({ json }: { json: boolean }) => {
      const { describeStatus, statusOf } = await import('../status.ts');
      const status = await statusOf(context.settings().config, systemClock);
      context.out(json ? `${JSON.stringify(status, null, 2)}\n` : describeStatus(status));
    });
}
