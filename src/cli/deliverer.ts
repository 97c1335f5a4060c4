import type { Command } from 'commander';
import { closeLeakedDescriptors } from '../delivery/leaks.ts';
import type { CommandContext } from './context.ts';

/** Started by `handle`, never by people. */
export function addDeliverer(program: Command, context: CommandContext): void {
  program.command('deliverer', { hidden: true }).action(async () => {
    closeLeakedDescriptors();
    const { deliverInBackground } = await import('../delivery/background.ts');
    await deliverInBackground(context.settings());
  });
}
