import type { Command } from 'commander';
import { ExitCode } from '../process/errors.ts';
import { explain } from '../manual/explain.ts';
import type { CommandContext } from './context.ts';
import { safeJson } from '../process/safe-json.ts';

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
    ],
  })
    .argument('<user>', 'user name')
    .description("send a test push to each of a user's devices now, and show what Apple answers")
    .option('--mailbox <name>', 'the mailbox that it tells of, as its owner sees it', 'INBOX')
    .option('--json', 'print as JSON', false)
    .action(async (user: string, { mailbox, json }: { mailbox: string; json: boolean }) => {
      const { pushToUser } = await import('../test-push/push.ts');
      const { describeTestPushes } = await import('../test-push/report.ts');
      const { config } = await context.settings();
      const { pushes, exitCode } = await pushToUser({ config, clock: context.around.clock, user, mailbox });
      if (json) context.out(`${safeJson(pushes, 2)}\n`);
      else context.say(describeTestPushes(pushes));
      context.exit(exitCode);
    });
}
