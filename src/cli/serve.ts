import type { Command } from 'commander';
import type { CommandContext } from './context.ts';

/** `serve`: the long-lived process. */
export function addServe(program: Command, context: CommandContext): void {
  program
    .command('serve')
    .description(
      'keep one connection to Apple, take events through the configured doors, deliver, until SIGTERM',
    )
    .addHelpText(
      'after',
      '\nSIGHUP reads configuration and certificate again.\n\nExample:\n  xapplepush serve --config /etc/xapplepush/config.yaml',
    )
    .action(async () => {
      const { serveUntilSignalled } = await import('../serving.ts');
      await serveUntilSignalled(context.settings);
    });
}
