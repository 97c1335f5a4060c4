import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import { parseDuration } from '../config/duration.ts';
import { ExitCode, OperatorError } from '../errors.ts';
import { explain } from '../manual/explain.ts';
import type { CommandContext } from './context.ts';

/** `prune`: targets whose device is silent. */
export function addPrune(program: Command, context: CommandContext): void {
  explain(program.command('prune'), {
    examples: [
      ['xapplepush prune --older-than 30d --dry-run', 'what would be removed'],
      ['xapplepush prune', 'removes what is older than prune.older_than of the configuration'],
      ['targetprune cmd="/usr/bin/xapplepush prune" at=0415', 'a line for EVENTS in cyrus.conf'],
    ],
  })
    .description('remove targets that have not registered again for long')
    .option(
      '--older-than <duration>',
      'how long without a registration, such as 10d (default: prune.older_than, 10d)',
    )
    .option('--dry-run', 'only say what would be removed', false)
    .option('--json', 'print as JSON', false)
    .action(async ({ olderThan, dryRun, json }: { olderThan?: string; dryRun: boolean; json: boolean }) => {
      const { config } = context.settings();
      const ageMs = olderThan === undefined ? config.prune.olderThanMs : durationOption(olderThan);
      const { pruneCommand } = await import('../targets/command.ts');
      await pruneCommand(config, { renewedBeforeMs: systemClock.nowMs() - ageMs, dryRun, json }, context.out);
    });
}

function durationOption(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new OperatorError(`--older-than is ${JSON.stringify(text)}, expected a duration such as 10d`, {
    exitCode: ExitCode.usage,
    hint: 'units are s, m, h and d',
  });
}
