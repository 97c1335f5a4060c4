import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import { parseDuration } from '../config/duration.ts';
import { ExitCode, OperatorError } from '../errors.ts';
import { explain } from '../manual/explain.ts';
import type { CommandContext } from './context.ts';

interface Options {
  user?: string;
  follow: boolean;
  since?: string;
  limit: string;
  pushes: boolean;
  json: boolean;
}

/** `log`: why did my phone stay silent? */
export function addLog(program: Command, context: CommandContext): void {
  explain(program.command('log'), {
    notes: [
      'An event that leads to a push is followed by a line for each attempt at each device. Only with history.max_entries above 0.',
    ],
    examples: [
      ['xapplepush log --user alice --since 1h', 'why did this phone stay silent?'],
      ['xapplepush log --follow --pushes', 'look on while you send a mail'],
    ],
  })
    .description('what was decided for each event and why, and what Apple said')
    .option('--user <user>', 'only what is about this user; default: everybody')
    .option('--follow', 'go on telling what happens, until Ctrl-C', false)
    .option('--since <duration>', 'only what is not older, such as 1h; default: history.max_age')
    .option('--limit <number>', 'only the newest so many', '200')
    .option('--pushes', 'leave out the events that concerned no device', false)
    .option('--json', 'print one JSON object a line', false)
    .action(async (options: Options) => {
      const { followCommand, logCommand } = await import('../history/command.ts');
      const { wantsColour } = await import('../terminal.ts');
      const { config } = context.settings();
      const { user, pushes, json, follow } = options;
      const sinceMs = options.since === undefined ? Infinity : durationOption(options.since);
      const colour = wantsColour(process.stdout.isTTY, process.env);
      const what = { user, pushes, json, colour, sinceMs, limit: limitOption(options.limit) };
      if (follow)
        await followCommand(config, what, {
          clock: systemClock,
          signal: ended(context.readerGone),
          out: context.out,
        });
      else await logCommand(config, what, systemClock);
    });
}

/** By Ctrl-C, or when nobody looks on any more. */
function ended(readerGone: AbortSignal): AbortSignal {
  const ending = new AbortController();
  readerGone.addEventListener('abort', () => ending.abort());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort());
  return ending.signal;
}

function durationOption(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new OperatorError(`--since is ${JSON.stringify(text)}, expected a duration such as 1h`, {
    exitCode: ExitCode.usage,
    hint: 'units are s, m, h and d',
  });
}

function limitOption(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new OperatorError(`--limit is ${JSON.stringify(text)}, expected a whole number from 1 on`, {
    exitCode: ExitCode.usage,
    hint: 'see: xapplepush log --help',
  });
}
