import type { Command } from 'commander';
import { type Explanation, explain } from '../manual/explain.ts';
import { ExitCode } from '../process/errors.ts';
import type { CommandContext } from './context.ts';

/** `endpoints export|import`. */
export function addEndpointsTransfer(endpoints: Command, context: CommandContext): void {
  explain(endpoints.command('export'), EXPORT)
    .description('write endpoints as JSON lines, complete, for another host')
    .action(async () => {
      const { exportEndpoints } = await import('../transfer/endpoints.ts');
      await exportEndpoints((await context.settings()).config, context.around.stdout);
    });
  explain(endpoints.command('import'), IMPORT)
    .argument('<file>', 'an export; - is standard input')
    .description('take endpoints from an export; it can be done again without harm')
    .action(async (file: string) => {
      const { openInput } = await import('../transfer/input.ts');
      const { around } = context;
      const input = openInput(file, around.input); // as whoever calls: the owner of the database may not be able to read it
      try {
        const { importEndpoints } = await import('../transfer/endpoints.ts');
        const { config, log } = await context.settings();
        const { clock } = around;
        context.exit(await importEndpoints(input, { config, log, clock, out: context.say }));
      } finally {
        input.close();
      }
    });
}

const EXPORT: Explanation = {
  notes: [
    'The export holds addresses in full, which are secrets: keep it so. Apps of Web Push have subscribed by the key of ' +
      'this host, so take the file of `webpush.key_file` along.',
  ],
  exits: { [ExitCode.tryAgain]: 'the database fails' },
  examples: [
    ['(umask 077; xapplepush endpoints export >endpoints.jsonl)', 'all, into a file for its owner alone'],
  ],
};

const IMPORT: Explanation = {
  notes: ['Of what is in the file and what is in the database, the newer registration of an endpoint stays.'],
  exits: {
    [ExitCode.badInput]: 'some were skipped, with their line and the reason, or the file cannot be read',
    [ExitCode.tryAgain]: 'the database fails; run it again, and it completes the import',
  },
  examples: [
    ['xapplepush endpoints import endpoints.jsonl', 'what another host has exported'],
    ['ssh old xapplepush endpoints export | xapplepush endpoints import -', 'from host to host'],
  ],
};
