import type { Command } from 'commander';

/** Only its help: main.ts starts it without this library. */
export function addHandle(program: Command): void {
  program
    .command('handle')
    .description('take event(s), one a line, from standard input; what notify_external of imapd.conf runs')
    .option('--wait', 'deliver in this process until delivery.deadline, and show the outcome')
    .option('-c <class>', 'class of the notification; only EVENT is taken')
    .option('-p <priority>', 'passed by notifyd(8), ignored')
    .option('-u <user>', 'passed by notifyd(8), ignored')
    .option('-m <mailbox>', 'passed by notifyd(8), ignored')
    .option('-f [file]', 'passed by notifyd(8), ignored')
    .addHelpText('after', '\nExample:\n  xapplepush --wait < event.json');
}
