import type { Command } from 'commander';
import { type Explanation, explain } from '../manual/explain.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';
import { SERVICE_NAMES, type ServiceName } from '../services/endpoint.ts';
import type { CommandContext } from './context.ts';
import { addEndpointsTransfer } from './endpoints-transfer.ts';
import { numberOption } from './option-values.ts';

interface SelectionOptions {
  user?: string;
  service?: ServiceName;
  json: boolean;
}

/** `endpoints list|show|remove|export|import`. */
export function addEndpoints(program: Command, context: CommandContext): void {
  const endpoints = explain(program.command('endpoints'), ENDPOINTS).description(
    'list, show, remove, export or import the endpoints of other push services',
  );
  addList(endpoints, context);
  addShow(endpoints, context);
  addRemove(endpoints, context);
  addEndpointsTransfer(endpoints, context);
}

function addList(endpoints: Command, context: CommandContext): void {
  ofService(explain(endpoints.command('list'), LIST))
    .description('list endpoints, the oldest first; of several conditions all must hold')
    .option('--user <user>', 'only those of this user, or of users such as *@example.org (default: of all)')
    .option('--limit <number>', 'only the first so many (default: all)')
    .option('--json', 'print as JSON', false)
    .action(async ({ user, service, limit, json }: SelectionOptions & { limit?: string }) => {
      const { layoutFor } = await import('../terminal/layout.ts');
      const { around } = context;
      const request = {
        selection: { users: user, service },
        json,
        limit: limit === undefined ? Infinity : numberOption('--limit', limit, { least: 1 }),
        layout: layoutFor(around),
        counted: around.stdout.isTTY === true,
      };
      const { listCommand } = await import('../endpoints/list.ts');
      const { page } = await import('../terminal/terminal.ts');
      await listCommand((await context.settings()).config, request, (pieces) => page(pieces, around));
    });
}

function addShow(endpoints: Command, context: CommandContext): void {
  explain(endpoints.command('show'), SHOW)
    .argument('<id>', 'as `endpoints list` tells it')
    .description('show an endpoint: what is kept about it, and its latest notices')
    .option('--json', 'print as JSON', false)
    .action(async (id: string, { json }: SelectionOptions) => {
      const { showCommand } = await import('../endpoints/show.ts');
      const { layoutFor } = await import('../terminal/layout.ts');
      const { page } = await import('../terminal/terminal.ts');
      const { config } = await context.settings();
      const text = await showCommand(config, idArgument(id), json, layoutFor(context.around));
      await page(text, context.around);
    });
}

interface RemoveOptions extends SelectionOptions {
  all: boolean;
  dryRun: boolean;
}

function addRemove(endpoints: Command, context: CommandContext): void {
  ofService(explain(endpoints.command('remove'), REMOVE).argument('[id]', 'as `endpoints list` tells it'))
    .description('remove endpoints by id, user or service, with what waits for them')
    .option('--user <user>', 'only those of this user (default: of all)')
    .option('--all', 'remove all that match without asking, not only a single one', false)
    .option('--dry-run', 'only say what would be removed', false)
    .option('--json', 'print as JSON, and never ask', false)
    .action(async (id: string | undefined, { user, service, ...options }: RemoveOptions) => {
      if (id === undefined && user === undefined && service === undefined) throw nothingSelected();
      const { removeCommand } = await import('../endpoints/remove.ts');
      const { openHistory } = await import('../history/history.ts');
      const { layoutFor } = await import('../terminal/layout.ts');
      const { canAsk, confirm } = await import('../terminal/terminal.ts');
      const selection = { id: id === undefined ? undefined : idArgument(id), user, service };
      const settings = await context.settings();
      const { around } = context;
      await removeCommand(settings.config, {
        ...options,
        selection,
        history: openHistory({ ...settings, clock: around.clock }),
        clock: around.clock,
        confirm: canAsk(around) && !options.json ? (question) => confirm(question, around) : undefined,
        layout: layoutFor(around),
        out: context.out,
      });
    });
}

function ofService(command: Command): Command {
  return command.addOption(
    command
      .createOption('--service <name>', 'only those of this push service (default: any)')
      .choices(SERVICE_NAMES),
  );
}

/** As large as SQLite counts within the life of a host. */
const ID = /^[1-9]\d{0,11}$/;

function idArgument(text: string): number {
  if (ID.test(text)) return Number(text);
  throw new OperatorError(`the id is ${JSON.stringify(text)}, expected a number such as 7`, {
    exitCode: ExitCode.usage,
    hint: 'see the ids of all endpoints: xapplepush endpoints list',
  });
}

function nothingSelected(): OperatorError {
  return new OperatorError('nothing says which endpoints to remove', {
    exitCode: ExitCode.usage,
    hint: 'name an id, --user or --service',
  });
}

const ENDPOINTS: Explanation = {
  notes: [
    'Endpoints are what Delta Chat, Web Push and webhooks are told of mail by; devices are those that Apple tells. Their ' +
      'addresses are secrets: shown are the host, where it is their own, and the beginning of a fingerprint.',
  ],
  examples: [['xapplepush endpoints list', 'who is told by other push services']],
};

const LIST: Explanation = {
  notes: ['On a terminal, a list that is longer than the screen goes through $PAGER, else less.'],
  examples: [
    ['xapplepush endpoints list --user alice', 'those of alice'],
    ['xapplepush endpoints list --service webpush --json', 'those of one service, for a program'],
  ],
};

const SHOW: Explanation = {
  exits: { [ExitCode.badInput]: 'there is no such endpoint' },
  examples: [['xapplepush endpoints show 7', 'what is kept about it, and what its service answered last']],
};

const REMOVE: Explanation = {
  notes: [
    'Where several match, it shows them and asks. Without a terminal it never asks, and removes several only with --all.',
    'Delta Chat registers a device again by itself, a browser does not until its user subscribes anew. An address of ' +
      'webhook.urls comes back; take it out of the configuration instead.',
  ],
  exits: {
    [ExitCode.usage]: 'nothing says which; or several match, there is nobody to ask, and --all is not given',
    [ExitCode.badInput]: 'no endpoint matches',
  },
  examples: [
    ['xapplepush endpoints remove 7', 'one of them'],
    ['xapplepush endpoints remove --user alice --service webpush', "alice's browsers and apps"],
    ['xapplepush endpoints remove --user alice --dry-run', 'what would be removed of alice'],
  ],
};
