import type { Command } from 'commander';
import { ExitCode, OperatorError } from '../process/errors.ts';
import { type Explanation, explain } from '../manual/explain.ts';
import type { CommandContext } from './context.ts';

/** `cert show|import`. */
export function addCert(program: Command, context: CommandContext): void {
  const cert = explain(program.command('cert'), CERT).description('show or import the credentials for Apple');
  addShow(cert, context);
  addImport(cert, context);
}

interface ShowOptions {
  passphraseFile?: string;
  json: boolean;
}

function addShow(cert: Command, context: CommandContext): void {
  explain(cert.command('show'), SHOW)
    .argument('[file]', 'PEM, PKCS#12 or DER; default: every configured credential')
    .description('show topic, names, validity, key and problems of a certificate or a signing key')
    .option('--passphrase-file <file>', 'file with the passphrase of the file (default: none)')
    .option('--json', 'print as JSON', false)
    .action(async (file: string | undefined, { passphraseFile, json }: ShowOptions) => {
      if (file === undefined && passphraseFile !== undefined) throw noFile();
      const { showConfigured, showFile } = await import('../cert/show.ts');
      const nowMs = context.around.clock.nowMs();
      const { text, exitCode } =
        file === undefined
          ? showConfigured((await context.settings()).config.apns, json, nowMs)
          : showFile(file, passphraseFile, json, nowMs);
      if (json) context.out(text);
      else context.say(text);
      context.exit(exitCode);
    });
}

interface ImportOptions {
  to: string;
  passphraseFile?: string;
  force: boolean;
}

function addImport(cert: Command, context: CommandContext): void {
  explain(cert.command('import'), IMPORT)
    .argument('<file>', 'PKCS#12 or PEM with the private key')
    .description('write certificate and key as mail.pem and mail.key, and print the lines to configure')
    .requiredOption('--to <dir>', 'the folder for them; as root, they get its owner')
    .option('--passphrase-file <file>', 'file with the passphrase of the file (default: none)')
    .option('--force', 'replace mail.pem and mail.key where they exist', false)
    .action(async (file: string, { to: dir, passphraseFile, force }: ImportOptions) => {
      const { importCredential } = await import('../cert/import.ts');
      context.out(
        importCredential({ file, dir, passphraseFile, force, nowMs: context.around.clock.nowMs() }),
      );
    });
}

function noFile(): OperatorError {
  return new OperatorError('--passphrase-file is given without a file', {
    exitCode: ExitCode.usage,
    hint: 'name the file to show; those of the configuration have apns.passphrase_file',
  });
}

const CERT: Explanation = {
  examples: [['xapplepush cert show', 'everything that is configured']],
};

const SHOW: Explanation = {
  exits: {
    [ExitCode.ok]: 'it can be used',
    [ExitCode.badInput]: 'there is a problem, which is shown with its fix',
  },
  examples: [
    ['xapplepush cert show', 'everything that is configured'],
    ['xapplepush cert show mail.p12 --passphrase-file passphrase', 'a file, before it is configured'],
  ],
};

const IMPORT: Explanation = {
  notes: ['Writes both files or none. A renewed certificate is used without a restart.'],
  examples: [
    [
      'xapplepush cert import mail.p12 --to /etc/xapplepush/apns --passphrase-file passphrase',
      'what the Keychain exported',
    ],
    ['xapplepush cert import renewed.pem --to /etc/xapplepush/apns --force', 'after a renewal'],
  ],
};
