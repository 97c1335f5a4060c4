import type { Command } from 'commander';
import { type Explanation, explain } from '../manual/explain.ts';
import type { CommandContext } from './context.ts';
import { numberOption } from './option-values.ts';
import { onEndSignals } from '../process/surroundings.ts';
import { sinceOption } from './since.ts';

interface Options {
  user?: string;
  follow: boolean;
  since?: string;
  limit: string;
  pushes: boolean;
  verbose: boolean;
  json: boolean;
}

/** `log`: why did my phone stay silent? */
export function addLog(program: Command, context: CommandContext): void {
  explain(program.command('log'), LOG)
    .description('what was decided for each event and why, and what Apple said')
    .option(
      '--user <user>',
      'only what is about this user, or about users such as *@example.org (default: everybody)',
    )
    .option('--follow', 'go on telling what happens, until Ctrl-C', false)
    .option(
      '--since <time>',
      'only what is not older: 1h, yesterday, 2026-11-29, 14:00 (default: history.max_age)',
    )
    .option('--limit <number>', 'only the newest so many', '200')
    .option('--pushes', 'leave out the events that concerned no device', false)
    .option('--verbose', 'with the apns-id of each push, by which Apple knows it', false)
    .option('--json', 'print one JSON object a line', false)
    .action(async (options: Options) => {
      const { followCommand, logCommand } = await import('../history/command.ts');
      const { layoutFor } = await import('../terminal/layout.ts');
      const { wantsColour } = await import('../terminal/terminal.ts');
      const { config } = await context.settings();
      const { user, pushes, verbose, json, follow } = options;
      const { around } = context;
      const sinceMs = options.since === undefined ? 0 : sinceOption(options.since, around.clock.nowMs());
      const shape = { json, verbose, colour: wantsColour(around), layout: layoutFor(around) };
      const limit = numberOption('--limit', options.limit, { least: 1 });
      const what = { user, pushes, sinceMs, limit, ...shape };
      if (!follow) await logCommand(config, what, around);
      else
        await followCommand(config, what, {
          clock: around.clock,
          signal: ended(context),
          out: context.out,
        });
    });
}

/** By Ctrl-C, or when nobody looks on any more. */
function ended({ readerGone, around }: CommandContext): AbortSignal {
  const ending = new AbortController();
  readerGone.addEventListener('abort', () => ending.abort());
  onEndSignals(around, () => ending.abort());
  return ending.signal;
}

const LOG: Explanation = {
  notes: [
    'An event that leads to a push is followed by a line for each attempt at each device. With history.max_entries: 0 nothing is kept.',
  ],
  examples: [
    ['xapplepush log --user alice --since 1h', 'why did this phone stay silent?'],
    ['xapplepush log --since yesterday', 'since midnight of yesterday'],
    ['xapplepush log --follow --pushes', 'look on while you send a mail'],
  ],
};
