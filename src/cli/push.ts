import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import type { CommandContext } from './context.ts';

/** `push`: a test push, outside the outbox. */
export function addPush(program: Command, context: CommandContext): void {
  program
    .command('push')
    .argument('<user>', 'user name')
    .description("send a test push to each of a user's devices now, and show what Apple answers")
    .option('--mailbox <name>', 'the mailbox that it tells of, as its owner sees it', 'INBOX')
    .option('--json', 'print as JSON', false)
    .addHelpText('after', '\nExample:\n  xapplepush push alice --mailbox Archive')
    .action(async (user: string, { mailbox, json }: { mailbox: string; json: boolean }) => {
      const { pushToUser } = await import('../push.ts');
      const { describeTestPushes } = await import('../push-report.ts');
      const { config } = context.settings();
      const { pushes, exitCode } = await pushToUser({ config, clock: systemClock, user, mailbox });
      context.out(json ? `${JSON.stringify(pushes, null, 2)}\n` : describeTestPushes(pushes));
      context.exit(exitCode);
    });
}
