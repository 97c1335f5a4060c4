import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import { parseDuration } from '../config/duration.ts';
import { ExitCode, OperatorError } from '../errors.ts';
import type { CommandContext } from './context.ts';

/** `prune`: targets whose device is silent. */
export function addPrune(program: Command, context: CommandContext): void {
  program
    .command('prune')
    .description('remove targets that have not registered again for long')
    .option('--older-than <duration>', 'such as 10d; default: prune.older_than')
    .option('--dry-run', 'only say what would be removed', false)
    .option('--json', 'print as JSON', false)
    .addHelpText('after', '\nExample:\n  xapplepush prune --older-than 30d --dry-run')
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
