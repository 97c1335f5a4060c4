import type { Command } from 'commander';
import { ExitCode, OperatorError } from '../process/errors.ts';
import { type Explanation, explain } from '../manual/explain.ts';
import type { Kind } from '../mailboxes/collection.ts';
import type { CommandContext } from './context.ts';
import { safeJson } from '../process/safe-json.ts';
import { SERVICE_NAMES, type ServiceName } from '../services/endpoint.ts';

interface Options {
  mailbox: string;
  json: boolean;
  calendar: boolean;
  contacts: boolean;
  service?: ServiceName;
}

/** `push`: a test push, outside the outbox. */
export function addPush(program: Command, context: CommandContext): void {
  const command = explain(program.command('push').alias('test'), PUSH)
    .argument('<user>', 'user name')
    .description("send a test push to each of a user's devices now, and show what Apple answers")
    .option('--mailbox <name>', 'the mailbox that it tells of, as its owner sees it', 'INBOX')
    .option('--calendar', 'push for calendars (CalDAV) instead of Mail', false)
    .option('--contacts', 'push for address books (CardDAV) instead of Mail', false);
  command
    .addOption(
      command
        .createOption('--service <name>', 'to the endpoints of this push service (default: to devices)')
        .choices(SERVICE_NAMES),
    )
    .option('--json', 'print as JSON', false)
    .action(async (user: string, { mailbox, json, service, ...kinds }: Options) => {
      const kind = kindIn(kinds);
      if (service === undefined) await sendPushes(context, { user, mailbox, kind }, json);
      else if (kind === 'mail') await sendNotices(context, { user, mailbox, service }, json);
      else throw ofDevicesAlone(kind);
    });
}

async function sendPushes(
  context: CommandContext,
  asked: { user: string; mailbox: string; kind: Kind },
  json: boolean,
): Promise<void> {
  const { pushToUser } = await import('../test-push/push.ts');
  const { describeTestPushes } = await import('../test-push/report.ts');
  const { config } = await context.settings();
  const { clock } = context.around;
  const { pushes, exitCode } = await pushToUser({ ...asked, config, clock });
  if (json) context.out(`${safeJson(pushes, 2)}\n`);
  else context.say(describeTestPushes(pushes));
  context.exit(exitCode);
}

async function sendNotices(
  context: CommandContext,
  asked: { user: string; mailbox: string; service: ServiceName },
  json: boolean,
): Promise<void> {
  const { noticeToUser } = await import('../test-push/notices.ts');
  const { describeTestNotices } = await import('../test-push/notice-report.ts');
  const { openHistory } = await import('../history/history.ts');
  const { clock } = context.around;
  const settings = await context.settings();
  const history = openHistory({ ...settings, clock });
  const { notices, exitCode } = await noticeToUser({ ...asked, config: settings.config, clock, history });
  if (json) context.out(`${safeJson(notices, 2)}\n`);
  else context.say(describeTestNotices(notices));
  context.exit(exitCode);
}

function kindIn({ calendar, contacts }: Pick<Options, 'calendar' | 'contacts'>): Kind {
  if (calendar && contacts)
    throw new OperatorError('--calendar and --contacts: expected one of them', {
      exitCode: ExitCode.usage,
      hint: 'run it once for each',
    });
  if (calendar) return 'calendar';
  return contacts ? 'contacts' : 'mail';
}

function ofDevicesAlone(kind: Kind): OperatorError {
  return new OperatorError(`--service and --${kind}: expected one of them`, {
    exitCode: ExitCode.usage,
    hint: 'other push services are told of mail alone',
  });
}

const PUSH: Explanation = {
  notes: [
    '`test` is another name for it.',
    'With --service it goes to the endpoints of that push service instead of to devices, and says what the service ' +
      'answers; one that is gone is removed. Webhooks are told at each address of webhook.urls.',
  ],
  exits: {
    [ExitCode.ok]: 'Apple, or the service, took all of them',
    [ExitCode.badInput]: 'the user has no device or endpoint, or none that asked for the mailbox',
    [ExitCode.unavailable]: 'no answer came from Apple, or from the service',
    [ExitCode.tryAgain]: 'Apple or the service refused one, or one could not be sent',
    [ExitCode.configuration]: 'no credential can be used, or the service is switched off',
  },
  examples: [
    ['xapplepush push alice', "each of alice's devices is told of new mail in INBOX"],
    ['xapplepush push alice --mailbox Archive', 'the devices that asked for that mailbox'],
    ['xapplepush push alice --calendar', 'the devices that asked for calendars, once for each of these'],
    ['xapplepush push alice --service webpush', "alice's browsers and apps that Web Push tells of mail"],
  ],
};
