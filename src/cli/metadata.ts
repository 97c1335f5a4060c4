import type { Command } from 'commander';
import { type Explanation, explain } from '../manual/explain.ts';
import { ExitCode } from '../process/errors.ts';
import type { CommandContext } from './context.ts';

/** `metadata import`. */
export function addMetadata(program: Command, context: CommandContext): void {
  const metadata = explain(program.command('metadata'), METADATA).description(
    'take over the METADATA that Dovecot has kept elsewhere',
  );
  explain(metadata.command('import'), IMPORT)
    .argument('<file>', 'a dict file of Dovecot; - is standard input')
    .requiredOption('--user <user>', 'whose it is, by the name that Dovecot has')
    .description('take the METADATA of a user from a file; it can be done again without harm')
    .action(async (file: string, { user }: { user: string }) => {
      const { openInput } = await import('../transfer/input.ts');
      const { around } = context;
      const input = openInput(file, around.input); // as whoever calls: the owner of the database may not be able to read it
      try {
        const { importMetadata } = await import('../transfer/import-metadata.ts');
        const { config, log } = await context.settings();
        const { clock } = around;
        context.exit(await importMetadata({ input, user }, { config, log, clock, out: context.say }));
      } finally {
        input.close();
      }
    });
}

const METADATA: Explanation = {
  notes: ['With `serve.dict` Dovecot keeps METADATA in the database; docs/metadata.md.'],
  examples: [
    [
      'xapplepush metadata import --user alice dovecot-attributes',
      'that of alice, from where Dovecot kept it',
    ],
  ],
};

const IMPORT: Explanation = {
  notes: [
    'The file is what `mail_attribute_dict = file:…` of Dovecot 2.3, or `mail_attribute/dict/file` of 2.4, has made. An ' +
      'entry that is there already stays as it is. Apps of Delta Chat and Web Push are registered by their entries, ' +
      'where those are switched on.',
  ],
  exits: {
    [ExitCode.badInput]: 'some were skipped, with their line and the reason, or the file cannot be read',
    [ExitCode.tryAgain]: 'the database fails; run it again, and it completes the import',
  },
  examples: [
    [
      'xapplepush metadata import --user alice /var/vmail/alice/dovecot-attributes',
      'that of alice, when Dovecot does not write it any more',
    ],
  ],
};
