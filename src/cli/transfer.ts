import type { Command } from 'commander';
import { currentConfig } from '../config/current.ts';
import { ExitCode } from '../process/errors.ts';
import { ownerToBecome } from '../process/identity.ts';
import { type Explanation, explain } from '../manual/explain.ts';
import type { CommandContext } from './context.ts';

interface ExportOptions {
  user?: string;
  force: boolean;
}

/** `devices export`. */
export function addExport(targets: Command, context: CommandContext): void {
  explain(targets.command('export'), EXPORT)
    .argument('[file]', 'where to; - is standard output', '-')
    .description('write devices as JSON lines, complete, for another host or store')
    .option('--user <user>', 'only those of this user (default: of all)')
    .option('--force', 'replace the file where it exists', false)
    .action(async (file: string, { user, force }: ExportOptions, command: Command) => {
      const { config: configFile } = command.optsWithGlobals<{ config?: string }>();
      const config = file === '-' ? undefined : await currentConfig(configFile, context.around.env);
      const owner = config && ownerToBecome(config.store);
      const { exportAs, exportTargets } = await import('../transfer/export.ts');
      const options = { file, user, force };
      if (owner !== undefined) context.exit(await exportAs(owner, options, config?.file, context.out));
      else
        await exportTargets((await context.settings()).config, options, context.out, context.around.stdout);
    });
}

interface ImportOptions {
  format?: string;
  topic?: string;
  dryRun: boolean;
  json: boolean;
}

/** `devices import`. */
export function addImport(targets: Command, context: CommandContext): void {
  explain(targets.command('import'), IMPORT)
    .argument('<file>', 'an export, a database.json of dovecot-xaps-daemon, or CSV; - is standard input')
    .description('take devices from a file; it can be done again without harm')
    .option('--format <format>', 'jsonl, xaps or csv (default: recognised by the content)')
    .option('--topic <topic>', 'of devices for which the file names none (default: the configured one)')
    .option('--dry-run', 'only say what would be done', false)
    .option('--json', 'print the report as JSON', false)
    .action(async (file: string, { format, topic, dryRun, json }: ImportOptions) => {
      const { openInput } = await import('../transfer/input.ts');
      const { around } = context;
      const input = openInput(file, around.input); // as whoever calls: the owner of the database may not be able to read it
      try {
        const { importTargets } = await import('../transfer/import.ts');
        const { config, log } = await context.settings();
        const { stderr, clock } = around;
        const terminal = stderr.isTTY === true ? (text: string) => void stderr.write(text) : undefined;
        const taking = { config, log, clock, out: json ? context.out : context.say, terminal };
        context.exit(await importTargets({ input, format, topic, dryRun, json }, taking));
      } finally {
        input.close();
      }
    });
}

const EXPORT: Explanation = {
  notes: [
    'The export holds device tokens and account ids in full: keep it secret. A file gets mode 0600, belongs to the ' +
      "owner of the database's folder, and is there whole or not at all. The same devices give the same bytes.",
  ],
  exits: {
    [ExitCode.badInput]: 'the file exists or cannot be written',
    [ExitCode.tryAgain]: 'the database fails',
  },
  examples: [
    ['xapplepush devices export devices.jsonl', 'all devices, to move to another host'],
    ['xapplepush devices export --user alice', 'those of alice, on standard output'],
  ],
};

const IMPORT: Explanation = {
  notes: [
    'Of what is in the file and what is in the database, the newer registration of a device stays; the same file ' +
      'again changes nothing. What cannot be taken is skipped, with its line and the reason, and the rest is taken. ' +
      'On a terminal, standard error shows how far it is.',
    'Columns of CSV, named by its first line: user, device_token, account_id, and optionally mailboxes (with | ' +
      'between them, in modified UTF-7 or UTF-8; INBOX where there are none), subtopic, aps_version, topic, ' +
      'registered and renewed (such as 2026-01-31T12:00:00Z). An unknown column is an error.',
    'A registration without a time counts as old as the file, and never replaces another.',
  ],
  exits: {
    [ExitCode.badInput]: 'some were skipped, or the file is none of these',
    [ExitCode.tryAgain]: 'the database fails; run it again, and it completes the import',
  },
  examples: [
    ['xapplepush devices import targets.jsonl', 'what another host has exported'],
    [
      'xapplepush devices import /var/lib/xapsd/database.json --dry-run',
      'what dovecot-xaps-daemon knows, to see first',
    ],
    ['xapplepush devices import devices.csv --json', 'from a table, with a report for programs'],
    ['ssh old xapplepush devices export | xapplepush devices import -', 'from host to host'],
  ],
};
