import type { Command } from 'commander';
import { ExitCode, OperatorError } from '../errors.ts';
import type { CommandContext } from './context.ts';

interface SelectionOptions {
  token?: string;
  accountId?: string;
  json: boolean;
  all: boolean;
  dryRun: boolean;
}

/** `targets list|show|remove`. */
export function addTargets(program: Command, context: CommandContext): void {
  const targets = program.command('targets').description('list, show or remove the devices that get pushes');
  targets
    .command('list')
    .description('list targets, by user and latest renewal')
    .option('--user <user>', 'only those of this user')
    .option('--json', 'print as JSON', false)
    .addHelpText('after', '\nExample:\n  xapplepush targets list --user alice')
    .action(async ({ user, json }: { user?: string; json: boolean }) => {
      const { listCommand } = await import('../targets/command.ts');
      await listCommand(context.settings().config, { user }, json, context.out);
    });
  selection(targets.command('show').argument('<user>', 'user name'))
    .description("show a user's targets with their mailboxes")
    .option('--json', 'print as JSON', false)
    .addHelpText('after', '\nExample:\n  xapplepush targets show alice')
    .action(async (user: string, { token, accountId, json }: SelectionOptions) => {
      const { showCommand } = await import('../targets/command.ts');
      await showCommand(context.settings().config, { user, token, accountId }, json, context.out);
    });
  addRemove(targets, context);
}

function addRemove(targets: Command, context: CommandContext): void {
  selection(targets.command('remove').argument('[user]', 'user name'))
    .description('remove targets by user, token or account id; a device that still exists registers again')
    .option('--all', 'remove all that match, not only a single one', false)
    .option('--dry-run', 'only say what would be removed', false)
    .addHelpText('after', '\nExample:\n  xapplepush targets remove alice --token 80aa34cb')
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
    .option('--token <prefix>', 'only the device whose token begins so')
    .option('--account-id <id>', 'only this account id');
}
