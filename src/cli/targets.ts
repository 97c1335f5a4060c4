import type { Command } from 'commander';
import { ExitCode, OperatorError } from '../process/errors.ts';
import { type Explanation, explain } from '../manual/explain.ts';
import type { CommandContext } from './context.ts';
import { addTargetsList } from './targets-list.ts';
import { addExport, addImport } from './transfer.ts';

interface SelectionOptions {
  token?: string;
  accountId?: string;
  json: boolean;
}

/** `devices list|show|remove|export|import`. */
export function addTargets(program: Command, context: CommandContext): void {
  const targets = explain(program.command('devices').alias('targets'), TARGETS).description(
    'list, show, remove, export or import the devices that get pushes',
  );
  addTargetsList(targets, context);
  addShow(targets, context);
  addRemove(targets, context);
  addExport(targets, context);
  addImport(targets, context);
  addUsers(targets, context);
}

/** What the scripts of `completion` ask for names of users; nobody types it. */
function addUsers(targets: Command, context: CommandContext): void {
  targets
    .command('users', { hidden: true })
    .argument('[beginning]')
    .action(async (beginning: string | undefined) => {
      const { usersCommand } = await import('../devices/users.ts');
      context.out(await usersCommand((await context.settings()).config, beginning ?? ''));
    });
}

function addShow(targets: Command, context: CommandContext): void {
  selection(explain(targets.command('show'), SHOW).argument('<user>', 'user name'))
    .description("show a user's devices: what is kept about each, and the mailboxes it asked for")
    .option('--json', 'print as JSON', false)
    .action(async (user: string, { token, accountId, json }: SelectionOptions) => {
      const { showCommand } = await import('../devices/show.ts');
      const { layoutFor } = await import('../terminal/layout.ts');
      const { page } = await import('../terminal/terminal.ts');
      const { config } = await context.settings();
      const text = await showCommand(config, { user, token, accountId }, json, layoutFor(context.around));
      await page(text, context.around);
    });
}

interface RemoveOptions extends SelectionOptions {
  all: boolean;
  dryRun: boolean;
}

function addRemove(targets: Command, context: CommandContext): void {
  selection(explain(targets.command('remove'), REMOVE).argument('[user]', 'user name'))
    .description('remove devices by user, token or account id; a device that still exists registers again')
    .option('--all', 'remove all that match without asking, not only a single one', false)
    .option('--dry-run', 'only say what would be removed', false)
    .option('--json', 'print as JSON, and never ask', false)
    .action(async (user: string | undefined, options: RemoveOptions) => {
      const { token, accountId } = options;
      if (user === undefined && token === undefined && accountId === undefined) throw nothingSelected();
      const { removeCommand } = await import('../devices/remove.ts');
      const { openHistory } = await import('../history/history.ts');
      const { layoutFor } = await import('../terminal/layout.ts');
      const { canAsk, confirm } = await import('../terminal/terminal.ts');
      const settings = await context.settings();
      const { around } = context;
      await removeCommand(settings.config, {
        ...options,
        history: openHistory({ ...settings, clock: around.clock }),
        selection: { user, token, accountId },
        clock: around.clock,
        confirm: canAsk(around) && !options.json ? (question) => confirm(question, around) : undefined,
        layout: layoutFor(around),
        out: context.out,
      });
    });
}

function nothingSelected(): OperatorError {
  return new OperatorError('nothing says which devices to remove', {
    exitCode: ExitCode.usage,
    hint: 'name a user, --token or --account-id',
  });
}

function selection(command: Command): Command {
  return command
    .option('--token <prefix>', 'only the device whose token begins so (default: any)')
    .option('--account-id <id>', 'only this account id (default: any)');
}

const TARGETS: Explanation = {
  notes: ['`targets` is another name for it.'],
  examples: [['xapplepush devices list', 'who gets pushes']],
};

const SHOW: Explanation = {
  exits: { [ExitCode.badInput]: 'no device matches' },
  examples: [
    ['xapplepush devices show alice', "all of alice's devices, with the mailboxes that they asked for"],
    ['xapplepush devices show alice --token 80aa34cb', 'one of them'],
  ],
};

const REMOVE: Explanation = {
  notes: [
    'Where several match, it shows them and asks. Without a terminal it never asks, and removes several only with --all.',
  ],
  exits: {
    [ExitCode.usage]: 'several match, there is nobody to ask, and --all is not given',
    [ExitCode.badInput]: 'no device matches',
  },
  examples: [
    ['xapplepush devices remove alice --token 80aa34cb', "one of alice's devices"],
    ['xapplepush devices remove alice --dry-run', 'what would be removed of alice'],
    ['xapplepush devices remove alice --all', 'all of them'],
  ],
};
