import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import { ExitCode, OperatorError } from '../errors.ts';
import type { CommandContext } from './context.ts';

/** `cert show|import`. */
export function addCert(program: Command, context: CommandContext): void {
  const cert = program.command('cert').description('show or import the credentials for Apple');
  addShow(cert, context);
  addImport(cert, context);
}

interface ShowOptions {
  passphraseFile?: string;
  json: boolean;
}

function addShow(cert: Command, context: CommandContext): void {
  cert
    .command('show')
    .argument('[file]', 'PEM, PKCS#12 or DER; default: every configured credential')
    .description('show topic, names, validity, key and problems; exit code 65 where there is a problem')
    .option('--passphrase-file <file>', 'file with the passphrase of the file')
    .option('--json', 'print as JSON', false)
    .addHelpText('after', '\nExample:\n  xapplepush cert show mail.p12 --passphrase-file passphrase')
    .action(async (file: string | undefined, { passphraseFile, json }: ShowOptions) => {
      if (file === undefined && passphraseFile !== undefined) throw noFile();
      const { showConfigured, showFile } = await import('../cert/show.ts');
      const nowMs = systemClock.nowMs();
      const { text, exitCode } =
        file === undefined
          ? showConfigured(context.settings().config.apns, json, nowMs)
          : showFile(file, passphraseFile, json, nowMs);
      context.out(text);
      context.exit(exitCode);
    });
}

interface ImportOptions {
  to: string;
  passphraseFile?: string;
  force: boolean;
}

function addImport(cert: Command, context: CommandContext): void {
  cert
    .command('import')
    .argument('<file>', 'PKCS#12 or PEM with the private key')
    .description('write certificate and key as mail.pem and mail.key, and print the lines to configure')
    .requiredOption('--to <dir>', 'the folder for them; as root, they get its owner')
    .option('--passphrase-file <file>', 'file with the passphrase of the file')
    .option('--force', 'replace mail.pem and mail.key where they exist', false)
    .addHelpText(
      'after',
      '\nExample:\n  xapplepush cert import mail.p12 --to /etc/xapplepush --passphrase-file passphrase',
    )
    .action(async (file: string, { to: dir, passphraseFile, force }: ImportOptions) => {
      const { importCredential } = await import('../cert/import.ts');
      context.out(importCredential({ file, dir, passphraseFile, force, nowMs: systemClock.nowMs() }));
    });
}

function noFile(): OperatorError {
  return new OperatorError('--passphrase-file is given without a file', {
    exitCode: ExitCode.usage,
    hint: 'name the file to show; those of the configuration have apns.passphrase_file',
  });
}
