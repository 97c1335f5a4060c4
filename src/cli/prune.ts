import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { formatDuration } from '../config/duration.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';
import { type Explanation, explain } from '../manual/explain.ts';
import { countOf } from '../process/text.ts';
import type { PruneReport } from '../prune/prune.ts';
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
    .option(
      '--force',
      'remove them even if they are most devices, or if none has registered within two days',
      false,
    )
    .option('--dry-run', 'only say what would be removed', false)
    .option('--json', 'print as JSON', false)
    .action((options: PruneOptions) => runPrune(options, context));
}

async function runPrune(options: PruneOptions, context: CommandContext): Promise<void> {
  const { olderThan, json } = options;
  const { around, out, say } = context;
  const olderThanMs = olderThan === undefined ? undefined : retentionOption('--older-than', olderThan);
  const { config, log } = await context.settings();
  const { prune } = await import('../prune/prune.ts');
  const { canAsk, confirm } = await import('../terminal/terminal.ts');
  const { layoutFor } = await import('../terminal/layout.ts');
  const { describePrune, pruneJson } = await import('../prune/description.ts');
  const asked = { ...options, config, log, clock: around.clock };
  const pruning = { ...asked, olderThanMs: olderThanMs ?? config.prune.olderThanMs };
  const tell = (report: PruneReport): void =>
    json ? out(pruneJson(report)) : say(describePrune(report, layoutFor(around)));
  const rehearse = async (): Promise<PruneReport> => (await prune({ ...pruning, dryRun: true })).report;
  const ask = (question: string): Promise<boolean> => confirm(question, around);
  if (isUnusual(pruning, config)) {
    if (json || !canAsk(around)) throw keptBy(config, pruning.olderThanMs);
    if (!(await mayPrune(rehearse, tell, ask))) {
      out('nothing was removed\n');
      return;
    }
  }
  const { report, exitCode } = await prune(pruning);
  if ('areOwnersLeft' in report.database)
    log.info('owners without devices are forgotten the next time: registrations were under way');
  tell(report);
  context.exit(exitCode);
}

/** Devices would go that the configuration keeps. */
function isUnusual(
  { olderThanMs, dryRun, force }: { olderThanMs: number; dryRun: boolean; force: boolean },
  { prune }: Config,
): boolean {
  return olderThanMs < prune.olderThanMs && !dryRun && !force;
}

function keptBy({ prune }: Config, olderThanMs: number): OperatorError {
  const least = formatDuration(prune.olderThanMs);
  return new OperatorError(
    `--older-than is ${formatDuration(olderThanMs)}, expected prune.older_than, ${least}, or more: nobody can be asked here`,
    {
      exitCode: ExitCode.usage,
      hint: 'see what would go with --dry-run; then add --force, or lower prune.older_than',
    },
  );
}

/** Shows what would go, and asks; what is refused anyhow says so by itself. */
async function mayPrune(
  rehearse: () => Promise<PruneReport>,
  tell: (report: PruneReport) => void,
  ask: (question: string) => Promise<boolean>,
): Promise<boolean> {
  const report = await rehearse();
  if (report.targets.count === 0 || report.refusal !== undefined) return true;
  tell(report);
  return ask(`Remove ${countOf(report.targets.count, 'device')}?`);
}

const PRUNE: Explanation = {
  notes: [
    'It works in short turns, so that events do not wait for it, and may run at any time. A device that registers ' +
      'meanwhile stays. Bad files are those that were set aside in the spool before prune.bad_files.',
    'Of other push services it removes endpoints that ran out, as those of Delta Chat do, and those that never took a ' +
      'notice and have not registered again for as long. All others stay until their service says that they are gone.',
    '--unused-topics removes the devices of each topic that no configured credential is for, that is not aps_topic of ' +
      'imapd.conf, and under which no device has registered within a day.',
    'A clock that is ahead makes devices look silent. Where more than half of all devices would go, or any while none ' +
      'has registered within two days, nothing is removed, bad files and history included, and the run fails; with ' +
      'three devices or fewer it only says so. On a terminal it asks before it removes what prune.older_than would keep, ' +
      'and elsewhere refuses to. --force removes them all the same, --dry-run tells what would be refused.',
  ],
  exits: {
    [ExitCode.usage]:
      '--older-than is less than 1d or more than 3650d, or less than prune.older_than where nobody can be asked',
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
