import type { Command } from 'commander';
import { ExitCode, OperatorError } from '../process/errors.ts';
import { explain } from '../manual/explain.ts';
import type { Kind } from '../mailboxes/collection.ts';
import type { CommandContext } from './context.ts';
import { safeJson } from '../process/safe-json.ts';

interface Options {
  mailbox: string;
  json: boolean;
  calendar: boolean;
  contacts: boolean;
}

/** `push`: a test push, outside the outbox. */
export function addPush(program: Command, context: CommandContext): void {
  explain(program.command('push').alias('test'), {
    notes: ['`test` is another name for it.'],
    exits: {
      [ExitCode.ok]: 'Apple took all of them',
      [ExitCode.badInput]: 'the user has no device, or none that asked for the mailbox',
      [ExitCode.unavailable]: 'no answer came from Apple',
      [ExitCode.tryAgain]: 'Apple refused one, or one could not be sent',
    },
    examples: [
      ['xapplepush push alice', "each of alice's devices is told of new mail in INBOX"],
      ['xapplepush push alice --mailbox Archive', 'the devices that asked for that mailbox'],
      ['xapplepush push alice --calendar', 'the devices that asked for calendars, once for each of these'],
    ],
  })
    .argument('<user>', 'user name')
    .description("send a test push to each of a user's devices now, and show what Apple answers")
    .option('--mailbox <name>', 'the mailbox that it tells of, as its owner sees it', 'INBOX')
    .option('--calendar', 'push for calendars (CalDAV) instead of Mail', false)
    .option('--contacts', 'push for address books (CardDAV) instead of Mail', false)
    .option('--json', 'print as JSON', false)
    .action(async (user: string, { mailbox, json, ...kinds }: Options) => {
      const { pushToUser } = await import('../test-push/push.ts');
      const { describeTestPushes } = await import('../test-push/report.ts');
      const { config } = await context.settings();
      const { clock } = context.around;
      const kind = kindIn(kinds);
      const { pushes, exitCode } = await pushToUser({ config, clock, user, mailbox, kind });
      if (json) context.out(`${safeJson(pushes, 2)}\n`);
      else context.say(describeTestPushes(pushes));
      context.exit(exitCode);
    });
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
