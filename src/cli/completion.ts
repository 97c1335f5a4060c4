import type { Command } from 'commander';
import { explain } from '../manual/explain.ts';
import type { CommandContext } from './context.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** `completion`: needs no configuration. */
export function addCompletion(program: Command, context: CommandContext): void {
  explain(program.command('completion'), {
    notes: [
      'Completes commands, options, files, users who have devices, and values where there are only some.',
    ],
    examples: [
      ['xapplepush completion bash > /etc/bash_completion.d/xapplepush', 'for everybody who uses bash'],
      ['xapplepush completion zsh > /usr/local/share/zsh/site-functions/_xapplepush', 'the same for zsh'],
      ['xapplepush completion fish > /etc/fish/completions/xapplepush.fish', 'the same for fish'],
      ['source <(xapplepush completion bash)', 'for this shell, bash or zsh'],
    ],
  })
    .description('print a script that completes commands and options in a shell')
    .addArgument(program.createArgument('<shell>', 'which shell').choices([...SHELLS]))
    .action(async (shell: (typeof SHELLS)[number]) => {
      const { completionScript } = await import('../manual/manual.ts');
      context.out(completionScript(program, shell));
    });
}
