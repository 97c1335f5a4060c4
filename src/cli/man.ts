import type { Command } from 'commander';
import { explain } from '../manual/explain.ts';
import type { CommandContext } from './context.ts';

/** `man`: needs no configuration. */
export function addMan(program: Command, context: CommandContext): void {
  explain(program.command('man'), {
    examples: [
      ['xapplepush man | man -l -', 'reads it'],
      ['xapplepush man > /usr/local/share/man/man1/xapplepush.1', 'installs it: man xapplepush'],
    ],
  })
    .description('print the manual page xapplepush(1), in man(7)')
    .action(async () => {
      const { manual } = await import('../manual/manual.ts');
      context.out(manual(program));
    });
}
