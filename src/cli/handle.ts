import type { Command } from 'commander';
import { ExitCode } from '../process/errors.ts';
import { explain } from '../manual/explain.ts';

/** Only its help: main.ts starts it without this library. */
export function addHandle(program: Command): void {
  explain(program.command('handle'), {
    notes: [
      'Each event is one line of JSON. What the database cannot take now is kept in the spool. Nothing is written ' +
        'to standard output, which is the socket of notifyd(8).',
    ],
    exits: {
      [ExitCode.ok]: 'the events are kept; with --wait, Apple has the pushes',
      [ExitCode.badInput]: 'an event cannot be understood, or there is none',
      [ExitCode.unavailable]: 'with --wait: Apple cannot be reached; the push is kept',
      [ExitCode.tryAgain]: 'with --wait: a push still waits; it is kept',
    },
    examples: [
      ['notify_external: /usr/bin/xapplepush', 'a line of imapd.conf: Cyrus runs it for each event'],
      ['xapplepush < event.json', 'takes the events of a file'],
      ['xapplepush --wait < event.json', 'the same, and shows what Apple answers'],
    ],
  })
    .description('take event(s), one a line, from standard input; what notify_external of imapd.conf runs')
    .option(
      '--wait',
      'deliver in this process until delivery.deadline (10s by default), and show the outcome',
    )
    .option('-c <class>', 'class of the notification; only EVENT is taken, which is the default')
    .option('-p <priority>', 'passed by notifyd(8), ignored')
    .option('-u <user>', 'passed by notifyd(8), ignored')
    .option('-m <mailbox>', 'passed by notifyd(8), ignored')
    .option('-f [file]', 'passed by notifyd(8), ignored');
}
