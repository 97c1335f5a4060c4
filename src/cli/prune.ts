import type { Command } from 'commander';
import { ExitCode } from '../process/errors.ts';
import { type Explanation, explain } from '../manual/explain.ts';
import type { CommandContext } from './context.ts';
import { retentionOption } from './option-values.ts';

interface PruneOptions {
  olderThan?: string;
  unusedTopics: boolean;
  dryRun: boolean;
  force: boolean;
  json: boolean;
}

/** `prune`: what nobody needs any more. */
export function addPrune(program: Command, context: CommandContext): void {
  explain(program.command('prune'), PRUNE)
    .description(
      'remove devices that have not registered again for long, old bad files and old history; compact the database',
    )
    .option(
      '--older-than <duration>',
      'how long without a registration, such as 10d (default: prune.older_than, 10d)',
    )
    .option('--unused-topics', 'also devices of topics that no credential is for and no device uses', false)
    .option('--force', 'also where most devices would go, or none has registered within two days', false)
    .option('--dry-run', 'only say what would be removed', false)
    .option('--json', 'print as JSON', false)
    .action(async (options: PruneOptions) => {
      const { olderThan, json } = options;
      const olderThanMs = olderThan === undefined ? undefined : retentionOption('--older-than', olderThan);
      const { config, log } = await context.settings();
      const { prune } = await import('../prune/prune.ts');
      const { describePrune, pruneJson } = await import('../prune/description.ts');
      const { report, exitCode } = await prune({
        ...options,
        config,
        log,
        clock: context.around.clock,
        olderThanMs: olderThanMs ?? config.prune.olderThanMs,
      });
      context.out(json ? pruneJson(report) : describePrune(report));
      context.exit(exitCode);
    });
}

const PRUNE: Explanation = {
  notes: [
    'It works in short turns, so that events do not wait for it, and may run at any time. A device that registers ' +
      'meanwhile stays. Bad files are those that were set aside in the spool before prune.bad_files.',
    'With --unused-topics go the devices of each topic that no configured credential is for, that is not aps_topic of ' +
      'imapd.conf, and under which no device at all has registered within a day.',
    'A clock that is ahead makes devices look silent. Where more than half of all devices would go, or any while none ' +
      'has registered within two days, nothing is removed, bad files and history included, and the run fails; with ' +
      'three devices or fewer it only says so. --force removes them all the same, --dry-run tells what would be refused.',
  ],
  exits: {
    [ExitCode.usage]: '--older-than is less than 1d or more than 3650d',
    [ExitCode.tryAgain]: 'too many devices would go, and none did; or database or spool cannot be used',
    [ExitCode.configuration]: '--unused-topics, and a credential cannot be loaded; nothing was removed',
  },
  examples: [
    ['xapplepush prune --older-than 30d --dry-run', 'what would be removed'],
    ['xapplepush prune', 'removes what is older than prune.older_than of the configuration'],
    ['xapplepush prune --force', 'the clock is right, and the devices have left for good'],
    ['xapplepush prune --unused-topics --dry-run', 'what is left of a topic after a move to another one'],
    ['targetprune cmd="/usr/bin/xapplepush prune" at=0415', 'a line for EVENTS in cyrus.conf'],
  ],
};
