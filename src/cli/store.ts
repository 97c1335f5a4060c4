import { isAbsolute } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { type Explanation, explain } from '../manual/explain.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';
import { safeJson } from '../process/safe-json.ts';
import type { CommandContext } from './context.ts';

/** `store show|migrate|backup`. */
export function addStore(program: Command, context: CommandContext): void {
  const store = explain(program.command('store'), STORE).description(
    'which database it is; move all that is kept to another one, or copy it',
  );
  addShow(store, context);
  addMigrate(store, context);
  addBackup(store, context);
}

function addShow(store: Command, context: CommandContext): void {
  explain(store.command('show'), SHOW)
    .description('print which store it is, its version and size')
    .option('--json', 'print as JSON', false)
    .action(async ({ json }: { json: boolean }) => {
      const { config } = await context.settings();
      const { describeStore, lookAtStore } = await import('../store/show.ts');
      const shown = await lookAtStore(config);
      context.out(json ? `${safeJson(shown)}\n` : describeStore(shown));
    });
}

interface MigrateOptions {
  to?: string;
  passwordFile?: string;
  undo: boolean;
}

function addMigrate(store: Command, context: CommandContext): void {
  explain(store.command('migrate'), MIGRATE)
    .description('move devices, waiting pushes and history, while events wait in the spool')
    .option('--to <place>', 'postgresql://…, else the file of a new database')
    .option('--password-file <file>', 'holds the password for it (default: as libpq finds one)')
    .option('--undo', 'stay with the store that a move has begun to leave', false)
    .action(async ({ to, passwordFile, undo }: MigrateOptions) => {
      const { config } = await context.settings();
      const { moveStore, stayWith } = await import('../transfer/move/move.ts');
      const { stderr, clock } = context.around;
      const terminal = stderr.isTTY === true ? (text: string) => void stderr.write(text) : undefined;
      if (undo) {
        const isBack = await stayWith(config, { clock, terminal });
        context.say(isBack ? 'the store is in use again\n' : 'no move has begun\n');
        return;
      }
      const target = await targetOf(config, to, passwordFile);
      const moved = await moveStore(config, target, { clock, terminal });
      const { tellMoved } = await import('../transfer/move/told.ts');
      const { keyBesideStore } = await import('../services/webpush/key-file.ts');
      const known = { file: config.file, keyFile: keyBesideStore(config) };
      const { text, exitCode } = tellMoved(moved, known, target.postgres?.url ?? target.store);
      context.out(text);
      context.exit(exitCode);
    });
}

async function targetOf(
  config: Config,
  to: string | undefined,
  passwordFile: string | undefined,
): Promise<Pick<Config, 'store' | 'postgres'>> {
  const { isPostgresUrl, readPostgresUrl } = await import('../config/postgres-url.ts');
  if (to === undefined) throw usage('nothing says where to', 'name it: --to postgresql://…, or --to FILE');
  if (!isPostgresUrl(to)) {
    if (!isAbsolute(to))
      throw usage(`--to is ${JSON.stringify(to)}`, 'name postgresql://…, or a file by its whole path');
    if (config.postgres === undefined && to === config.store)
      throw usage(`${to} is the store that the configuration names`, 'name another one with --to');
    return { store: to };
  }
  const address = readPostgresUrl(to);
  if ('problem' in address)
    throw usage(`--to: ${address.problem}`, 'a password stands in a file: --password-file');
  return { store: config.store, postgres: { url: to, ...(passwordFile !== undefined && { passwordFile }) } };
}

function usage(message: string, hint: string): OperatorError {
  return new OperatorError(message, { exitCode: ExitCode.usage, hint });
}

function addBackup(store: Command, context: CommandContext): void {
  explain(store.command('backup'), BACKUP)
    .argument('<file>', 'where to')
    .description('copy the SQLite database as it is at one moment, while everything goes on')
    .option('--force', 'replace the file where it exists', false)
    .action(async (file: string, { force }: { force: boolean }) => {
      const { config } = await context.settings();
      const { backUp } = await import('../store/backup.ts');
      backUp(config, file, { replace: force });
      context.out(`copied ${config.store} to ${file}\n`);
    });
}

const STORE: Explanation = {
  examples: [['xapplepush store backup /var/backups/xapplepush.db', 'a copy, every night']],
};

const SHOW: Explanation = {
  exits: { [ExitCode.tryAgain]: 'the database cannot be used' },
  examples: [['xapplepush store show', 'the file or the URL, and what is in it']],
};

const MIGRATE: Explanation = {
  notes: [
    'Every xapplepush serve on the store must be stopped, on all hosts. From its first step on the store that is left ' +
      'takes nothing: what the mail server tells of waits in the spool, and nothing is sent twice. When it has ended, let ' +
      '`store` name the other one and start xapplepush serve. Broken off anywhere, the same command completes it.',
    'The other store may hold devices already, such as those of other hosts, and be in use: of a device that both know ' +
      'the newer registration stays. A database that was left is left for good: to move back there, remove it first. ' +
      '--undo is refused once the first pushes have gone.',
    'Endpoints of other push services, the notices that wait for them and METADATA go along.',
    'The history goes along, from the files of this host to a PostgreSQL and, of all its hosts, back into files.',
  ],
  exits: {
    [ExitCode.usage]: 'nothing says where to, or a URL holds a password',
    [ExitCode.tryAgain]:
      'somebody works with the store that is to be left, or a database fails; run it again',
  },
  examples: [
    [
      'xapplepush store migrate --to postgresql://xapplepush@db.example.org/xapplepush',
      'from the SQLite of one host to a PostgreSQL',
    ],
    ['xapplepush store migrate --to /var/lib/xapplepush/back.db', 'from there to a file again'],
  ],
};

const BACKUP: Explanation = {
  notes: [
    'The copy has mode 0600 and is there whole or not at all. To restore it, stop xapplepush serve, put the copy beside the ' +
      "database under a name of its own, owned by the database's owner, let `store` name it, and start serve. A PostgreSQL " +
      'is copied by pg_dump.',
  ],
  exits: {
    [ExitCode.usage]: 'the store is a PostgreSQL, or the file is the database itself',
    [ExitCode.badInput]: 'the file exists or cannot be written',
    [ExitCode.tryAgain]: 'the database cannot be used',
  },
  examples: [
    ['xapplepush store backup /var/backups/xapplepush.db --force', 'replaces the copy of yesterday'],
  ],
};
