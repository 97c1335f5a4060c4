import type { Command } from 'commander';
import { explain } from '../manual/explain.ts';
import type { CommandContext } from './context.ts';
import { numberOption } from './option-values.ts';

interface MockApnsValues {
  dir: string;
  port: string;
  answer: string[];
  maxStreams: string;
  delay: string;
  json: boolean;
}

const MINUTE_MS = 60_000;

/** `mock-apns`: needs no configuration. */
export function addMockApns(program: Command, { around, readerGone }: CommandContext): void {
  explain(program.command('mock-apns'), {
    notes: [
      'It listens on the loopback only, needs no configuration, and runs until Ctrl-C. Point apns.server, ' +
        'apns.certificate, apns.key and apns.ca of a configuration at it; it prints the lines.',
    ],
    examples: [
      ['xapplepush mock-apns --dir /tmp/apns', 'on port 2197, and takes every push'],
      ["xapplepush mock-apns --dir /tmp/apns --answer '*=503/ServiceUnavailable'", 'is down'],
      ["xapplepush mock-apns --dir /tmp/apns --answer '*=410/Unregistered' --json", 'every device is gone'],
      [
        "xapplepush mock-apns --dir /tmp/apns --answer '*=goaway/BadCertificateEnvironment'",
        'refuses the certificate as Apple does, by ending the connection',
      ],
      ["xapplepush mock-apns --dir /tmp/apns --answer '*=html/407'", 'a proxy answers in its place'],
    ],
  })
    .description(
      'a strict stand-in for Apple with its own certificates, for trying things out; prints each push',
    )
    .requiredOption('--dir <dir>', 'folder for its CA, certificates and answers.json; made if missing')
    .option('--port <port>', 'port on loopback, 0 for any', '2197')
    .addOption(
      program
        .createOption('--answer <token=answer...>', "such as '*=503/ServiceUnavailable' or TOKEN=silent")
        .default([], '*=200'),
    )
    .option('--max-streams <number>', 'how many pushes at once: SETTINGS_MAX_CONCURRENT_STREAMS', '1000')
    .option('--delay <milliseconds>', 'how long each answer takes, as from far away', '0')
    .option('--json', 'print one JSON object a line', false)
    .action(async (options: MockApnsValues) => {
      const { runMockApns } = await import('../apns/mock/command.ts');
      const { dir, json, answer: answers } = options;
      const port = numberOption('--port', options.port, { most: 65535 });
      const maxStreams = numberOption('--max-streams', options.maxStreams, { most: 2 ** 31 - 1 });
      const delayMs = numberOption('--delay', options.delay, { most: MINUTE_MS });
      await runMockApns({ dir, json, answers, port, maxStreams, delayMs, readerGone }, around);
    });
}
