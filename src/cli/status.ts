import type { Command } from 'commander';
import { type Explanation, explain } from '../manual/explain.ts';
import { PAGE } from '../page/answer.ts';
import type { CommandContext } from './context.ts';

interface Options {
  json: boolean;
  watch?: string | true;
  page: boolean;
}

/** `status`: is it working? */
export function addStatus(program: Command, context: CommandContext): void {
  explain(program.command('status'), STATUS)
    .description('is it working? A verdict, and the counts, times and reasons that it comes from')
    .option('--json', 'print as JSON', false)
    .option('--watch [seconds]', 'look again every so many seconds, until Ctrl-C (default: 2 seconds)')
    .addOption(
      program
        .createOption(
          PAGE,
          'the status page of serve, as JSON, with the events of the user in standard input',
        )
        .default(false)
        .hideHelp(),
    )
    .action(async ({ json, watch, page }: Options) => {
      if (page) {
        const { pageCommand } = await import('../page/command.ts');
        const { config } = await context.settings();
        const { clock, input } = context.around;
        context.out(await pageCommand(config, clock, Buffer.concat([...input()]).toString()));
        return;
      }
      const { showStatus, watchSeconds } = await import('../status/command.ts');
      const watchS = watchSeconds(watch);
      const { config } = await context.settings();
      await showStatus({ config, json, watchS }, context.around);
    });
}

const STATUS: Explanation = {
  notes: [
    'The first line says `works`, `works, but …` or `does not work: …`, and why. The exit code is 0 in each case; ' +
      '`xapplepush check` is for monitoring. Where the database cannot be used, that is the verdict, and of the rest ' +
      'only the spool is known.',
    'On a terminal `--watch` repaints the screen; in a pipe it writes one block after the other, and with `--json` ' +
      'one object a line.',
  ],
  examples: [
    ['xapplepush status', 'is it working, on one screen'],
    ['xapplepush status --watch', 'the same, looked at every 2 seconds'],
    ['xapplepush status --json', 'the same for programs'],
  ],
};
