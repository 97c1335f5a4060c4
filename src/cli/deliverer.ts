import type { Command } from 'commander';
import type { CommandContext } from './context.ts';

/** Started by `handle`, never by people. */
export function addDeliverer(program: Command, context: CommandContext): void {
  program.command('deliverer', { hidden: true }).action(async () => {
    const { closeLeakedDescriptors, deliverInBackground } = await import('../delivery/background.ts');
    closeLeakedDescriptors();
    await deliverInBackground(await context.settings());
  });
}
