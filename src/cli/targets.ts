import type { Command } from 'commander';
import { ExitCode, OperatorError } from '../errors.ts';
import { type Explanation, explain } from '../manual/explain.ts';
import type { CommandContext } from './context.ts';
import { addExport, addImport } from './transfer.ts';

interface SelectionOptions {
  token?: string;
  accountId?: string;
  json: boolean;
  all: boolean;
  dryRun: boolean;
}

/** `targets list|show|remove|export|import`. */
export function addTargets(program: Command, context: CommandContext): void {
  const targets = explain(program.command('targets'), TARGETS).description(
    'list, show, remove, export or import the devices that get pushes',
  );
  explain(targets.command('list'), LIST)
    .description('list targets, by user and latest renewal')
    .option('--user <user>', 'only those of this user (default: of all)')
    .option('--json', 'print as JSON', false)
    .action(async ({ user, json }: { user?: string; json: boolean }) => {
      const { listCommand } = await import('../targets/command.ts');
      await listCommand(context.settings().config, { user }, json, context.out);
    });
  selection(explain(targets.command('show'), SHOW).argument('<user>', 'user name'))
    .description("show a user's targets with their mailboxes")
    .option('--json', 'print as JSON', false)
    .action(async (user: string, { token, accountId, json }: SelectionOptions) => {
      const { showCommand } = await import('../targets/command.ts');
      await showCommand(context.settings().config, { user, token, accountId }, json, context.out);
    });
  addRemove(targets, context);
  addExport(targets, context);
  addImport(targets, context);
}

function addRemove(targets: Command, context: CommandContext): void {
  selection(explain(targets.command('remove'), REMOVE).argument('[user]', 'user name'))
    .description('remove targets by user, token or account id; a device that still exists registers again')
    .option('--all', 'remove all that match, not only a single one', false)
    .option('--dry-run', 'only say what would be removed', false)
    .action(async (user: string | undefined, options: SelectionOptions) => {
      const { token, accountId } = options;
      if (user === undefined && token === undefined && accountId === undefined)
        throw new OperatorError('nothing says which targets to remove', {
          exitCode: ExitCode.usage,
          hint: 'name a user, --token or --account-id',
        });
      const { removeCommand } = await import('../targets/command.ts');
      await removeCommand(context.settings().config, { user, token, accountId }, options, context.out);
    });
}

function selection(command: Command): Command {
  return command
    .option('--token <prefix>', 'only the device whose token begins so (default: any)')
    .option('--account-id <id>', 'only this account id (default: any)');
}

const TARGETS: Explanation = {
  examples: [['xapplepush targets list', 'who gets pushes']],
};

const LIST: Explanation = {
  examples: [
    ['xapplepush targets list', 'all devices'],
    ['xapplepush targets list --user alice', 'those of alice'],
  ],
};

const SHOW: Explanation = {
  exits: { [ExitCode.badInput]: 'no target matches' },
  examples: [
    ['xapplepush targets show alice', "all of alice's devices, with the mailboxes that they asked for"],
    ['xapplepush targets show alice --token 80aa34cb', 'one of them'],
  ],
};

const REMOVE: Explanation = {
  exits: {
    [ExitCode.usage]: 'several match, and --all is not given',
    [ExitCode.badInput]: 'no target matches',
  },
  examples: [
    ['xapplepush targets remove alice --token 80aa34cb', "one of alice's devices"],
    ['xapplepush targets remove alice --all --dry-run', 'what would be removed of alice'],
    ['xapplepush targets remove alice --all', 'all of them'],
  ],
};
