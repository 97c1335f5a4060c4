import type { Command } from 'commander';
import { ExitCode, OperatorError } from '../process/errors.ts';
import type { OutboxCommand, PushSelection } from '../waiting/command.ts';
import { type Hold, HOLDS } from '../outbox/hold.ts';
import { type Explanation, explain } from '../manual/explain.ts';
import type { CommandContext } from './context.ts';
import { numberOption } from './option-values.ts';

interface Selection {
  user?: string;
  token?: string;
  accountId?: string;
  heldBy?: Hold;
}

interface Acting extends Selection {
  all: boolean;
  dryRun: boolean;
}

/** `outbox list|retry|discard`. */
export function addOutbox(program: Command, context: CommandContext): void {
  const outbox = explain(program.command('outbox'), OUTBOX).description(
    'list the pushes that wait, have them tried now, or give them up',
  );
  addList(outbox, context);
  addRetry(outbox, context);
  addDiscard(outbox, context);
}

function addList(outbox: Command, context: CommandContext): void {
  selection(explain(outbox.command('list'), LIST))
    .description('list the pushes that wait, the oldest first, with why and until when')
    .option(
      '--user <user>',
      'only those for this user, or for users such as *@example.org (default: for all)',
    )
    .option('--limit <number>', 'how many at most (default: 1000, with --json all)')
    .option('--json', 'print as JSON', false)
    .action(async ({ limit, json, ...options }: Selection & { limit?: string; json: boolean }) => {
      const { listCommand } = await import('../waiting/list.ts');
      const { page } = await import('../terminal/terminal.ts');
      const selected = { ...selectionOf(undefined, options), users: options.user };
      const max = limit === undefined ? undefined : numberOption('--limit', limit);
      const command = await outboxCommand(context);
      await listCommand(
        { ...command, show: json ? command.show : (text) => page(text, context.around) },
        selected,
        { json, limit: max },
      );
    });
}

function addRetry(outbox: Command, context: CommandContext): void {
  selection(explain(outbox.command('retry'), RETRY).argument('[user]', 'user name'))
    .description('try waiting pushes now, whatever they wait for')
    .option('--all', 'every push that matches; alone: every push that waits', false)
    .option('--dry-run', 'only say how many', false)
    .action(async (user: string | undefined, options: Acting) => {
      requireSelection(user, options, 'retry');
      const { retryCommand } = await import('../waiting/retry.ts');
      await retryCommand(await outboxCommand(context), selectionOf(user, options), options);
    });
}

function addDiscard(outbox: Command, context: CommandContext): void {
  selection(explain(outbox.command('discard'), DISCARD).argument('[user]', 'user name'))
    .description('give waiting pushes up; the devices stay registered and hear of the next event')
    .option('--all', 'all that match, without a question; alone: every push that waits', false)
    .option('--dry-run', 'only say what would be discarded', false)
    .action(async (user: string | undefined, options: Acting) => {
      requireSelection(user, options, 'discard');
      const { discardCommand } = await import('../waiting/discard.ts');
      const { canAsk, confirm } = await import('../terminal/terminal.ts');
      const { around } = context;
      const ask = canAsk(around) ? (question: string) => confirm(question, around) : undefined;
      await discardCommand(await outboxCommand(context), selectionOf(user, options), { ...options, ask });
    });
}

function selection(command: Command): Command {
  return command
    .option('--token <prefix>', 'only for the device whose token begins so (default: any)')
    .option('--account-id <id>', 'only for this account id (default: any)')
    .addOption(
      command
        .createOption('--held-by <reason>', 'only those that wait for that (default: for anything)')
        .choices(HOLDS),
    );
}

function selectionOf(user: string | undefined, { token, accountId, heldBy }: Selection): PushSelection {
  return { user, token, accountId, heldBy };
}

function requireSelection(user: string | undefined, options: Acting, verb: string): void {
  const { token, accountId, heldBy, all } = options;
  if (all || [user, token, accountId, heldBy].some((word) => word !== undefined)) return;
  throw new OperatorError(`nothing says which pushes to ${verb}`, {
    exitCode: ExitCode.usage,
    hint: 'name a user, --token, --account-id or --held-by; --all means every push that waits',
  });
}

async function outboxCommand(context: CommandContext): Promise<OutboxCommand> {
  const { layoutFor } = await import('../terminal/layout.ts');
  const { around, out } = context;
  return { ...(await context.settings()), clock: around.clock, layout: layoutFor(around), show: out };
}

const OUTBOX: Explanation = {
  notes: [
    'A push waits in the outbox until Apple has taken it. These commands leave those alone that are being sent, and ' +
      'none of them costs a device its registration.',
  ],
  examples: [['xapplepush outbox list', 'what waits, and why']],
};

const LIST: Explanation = {
  examples: [
    ['xapplepush outbox list', 'all that waits, the oldest first'],
    ['xapplepush outbox list --held-by connection', 'what waits because Apple cannot be reached'],
    ['xapplepush outbox list --user alice --json', 'what waits for alice, for programs'],
  ],
};

const RETRY: Explanation = {
  notes: ['Whoever delivers is told, and ends the rest that it takes after a failure.'],
  exits: {
    [ExitCode.usage]: 'nothing says which pushes',
    [ExitCode.badInput]: 'no waiting push matches',
  },
  examples: [
    ['xapplepush outbox retry alice', "alice's pushes, now"],
    ['xapplepush outbox retry --all', 'every push that waits, once the firewall is fixed for instance'],
  ],
};

const DISCARD: Explanation = {
  notes: ['On a terminal it asks before it discards more than one; elsewhere it needs --all for that.'],
  exits: {
    [ExitCode.usage]: 'nothing says which pushes, or several match and --all is not given',
    [ExitCode.badInput]: 'no waiting push matches',
  },
  examples: [
    ['xapplepush outbox discard alice --token 80aa34cb', "what waits for one of alice's devices"],
    ['xapplepush outbox discard --held-by topic --all --dry-run', 'what would be discarded'],
  ],
};
