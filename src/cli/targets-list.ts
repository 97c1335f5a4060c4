import type { Command } from 'commander';
import type { Clock } from '../process/clock.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';
import { type Explanation, explain } from '../manual/explain.ts';
import type { TargetOrder } from '../targets/record.ts';
import type { CommandContext } from './context.ts';
import { durationOption, numberOption } from './option-values.ts';

interface ListOptions {
  user?: string;
  stale?: string;
  failing: boolean;
  disabled: boolean;
  topic?: string;
  sort: string;
  reverse: boolean;
  limit?: string;
  json: boolean;
}

/** `devices list`. */
export function addTargetsList(targets: Command, context: CommandContext): void {
  explain(targets.command('list'), LIST)
    .description('list devices; of several conditions all must hold')
    .option('--user <user>', 'only those of this user, or of users such as *@example.org (default: of all)')
    .option('--stale <duration>', 'only those not renewed for so long, such as 10d (default: however old)')
    .option('--failing', 'only those whose latest pushes were refused', false)
    .option(
      '--disabled',
      'only those that get no more pushes, since they failed for targets.disable_after',
      false,
    )
    .option('--topic <topic>', 'only those that registered under this topic (default: any)')
    .option('--sort <key>', ORDERS.join(', '), 'user')
    .option('--reverse', 'the other way round', false)
    .option('--limit <number>', 'only the first so many (default: all)')
    .option('--json', 'print as JSON', false)
    .action(async (options: ListOptions) => {
      const { layoutFor } = await import('../terminal/layout.ts');
      const { around } = context;
      const request = {
        ...options,
        renewedBeforeMs: renewedBefore(options.stale, around.clock),
        order: orderOption(options.sort),
        limit: options.limit === undefined ? Infinity : numberOption('--limit', options.limit, { least: 1 }),
        layout: layoutFor(around),
        counted: around.stdout.isTTY === true,
      };
      const { listCommand } = await import('../devices/list.ts');
      const { page } = await import('../terminal/terminal.ts');
      await listCommand((await context.settings()).config, request, (pieces) => page(pieces, around));
    });
}

const ORDERS: readonly TargetOrder[] = ['user', 'renewed', 'registered', 'success', 'failures'];

function orderOption(text: string): TargetOrder {
  const order = ORDERS.find((known) => known === text);
  if (order !== undefined) return order;
  throw new OperatorError(`--sort is ${JSON.stringify(text)}, expected one of ${ORDERS.join(', ')}`, {
    exitCode: ExitCode.usage,
    hint: 'see: xapplepush devices list --help',
  });
}

function renewedBefore(stale: string | undefined, clock: Clock): number | undefined {
  return stale === undefined ? undefined : clock.nowMs() - durationOption('--stale', stale);
}

const LIST: Explanation = {
  notes: [
    'Sorted by user it goes from A to Z, and then by the latest renewal; by renewed, registered or success the latest ' +
      'time is first, and by failures the most refusals in a row.',
    'On a terminal, a list that is longer than the screen goes through $PAGER, else less. With --failing or ' +
      '--disabled, the table shows since when.',
  ],
  examples: [
    ['xapplepush devices list', 'all devices'],
    ['xapplepush devices list --user alice', 'those of alice'],
    ["xapplepush devices list --user '*@example.org' --limit 20", 'the first of a domain'],
    [
      'xapplepush devices list --stale 3d --sort renewed --reverse',
      'devices that went silent, the longest first',
    ],
    ['xapplepush devices list --failing --json', 'what Apple refuses, for a program'],
  ],
};
