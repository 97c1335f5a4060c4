import type { Command } from 'commander';
import { explain } from '../manual/explain.ts';
import type { CommandContext } from './context.ts';

/** `serve`: the long-lived process. */
export function addServe(program: Command, context: CommandContext): void {
  explain(program.command('serve'), {
    notes: [
      'SIGHUP reads configuration and certificate again. SIGTERM and SIGINT end it; what waits stays in the outbox. ' +
        'Sockets that systemd hands over are used (examples/systemd); a second serve on the same sockets takes over. ' +
        'The doors are the spool and the keys of `serve` in the configuration.',
    ],
    examples: [
      ['xapplepush serve', 'with /etc/xapplepush/config.yaml, until Ctrl-C'],
      ['xapplepush --config /etc/xapplepush/test.yaml serve', 'with another configuration'],
      ['systemctl enable --now xapplepush', 'as a service, with the unit in examples/systemd'],
    ],
  })
    .description(
      'keep one connection to Apple, take events through the configured doors, deliver, until SIGTERM',
    )
    .action(async () => {
      const { serveUntilSignalled } = await import('../serve/serving.ts');
      await serveUntilSignalled(context.settings, context.around);
    });
}
