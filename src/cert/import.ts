import { type Stats, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type CertificateInspection, inspectCertificate } from '../apns/credentials/certificate.ts';
import { defectError } from '../apns/credentials/defects.ts';
import type { Identity } from '../apns/credentials/identity.ts';
import { fileSource } from '../apns/credentials/source.ts';
import { collectionOfTopic, OPTIONS } from '../targets/kind.ts';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';
import { writeTogether } from './write-together.ts';

export interface ImportOptions {
  file: string;
  /** The folder for the two files. */
  dir: string;
  passphraseFile: string | undefined;
  /** Whether files that are there already may be replaced. */
  force: boolean;
  nowMs: number;
}

/**
 * Writes certificate and chain to mail.pem and the key, not encrypted, to mail.key, both or none, and gives what is
 * to be told. What is for calendars or contacts has that as its name. Throws OperatorError (exit 65) where the file is of no use or the place is taken.
 */
export function importCredential({ file, dir, passphraseFile, force, nowMs }: ImportOptions): string {
  const { identity, keyPem } = usable(inspectCertificate(fileSource(file, passphraseFile), nowMs));
  const folder = resolve(dir);
  const owner = ownerOf(folder);
  const { topic = '' } = identity;
  const collection = collectionOfTopic(topic);
  const name = collection ?? 'mail';
  const [certificateFile, keyFile] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  const certificatePem = [identity.leaf, ...identity.chain].map(String).join('');
  writeTogether(
    [
      { path: keyFile, content: keyPem, mode: 0o600 },
      { path: certificateFile, content: certificatePem, mode: 0o644 },
    ],
    { owner, replace: force },
  );
  return [
    `${certificateFile}: the certificate${identity.chain.length > 0 ? ' and its chain' : ''}\n`,
    `${keyFile}: its private key, not encrypted\n`,
    ...readersNote(keyFile, owner),
    `\nFor the configuration of xapplepush:\n\n`,
    collection === undefined
      ? `apns:\n  certificate: ${yamlText(certificateFile)}\n  key: ${yamlText(keyFile)}\n`
      : `apns:\n  also:\n    - certificate: ${yamlText(certificateFile)}\n      key: ${yamlText(keyFile)}\n`,
    `\nFor imapd.conf, where the mail server is Cyrus:\n\n${collection === undefined ? 'aps_topic' : OPTIONS[collection]}: ${topic}\n`,
  ].join('');
}

function usable({ source, identity, defects }: CertificateInspection): {
  identity: Identity;
  keyPem: string;
} {
  if (defects.length > 0) throw defectError(defects, ExitCode.badInput);
  if (!identity?.key) {
    const hint =
      'export the certificate together with its private key, or configure the two files as they are';
    throw refused(`there is no private key in ${source.called}`, hint);
  }
  return { identity, keyPem: String(identity.key.key.export({ type: 'pkcs8', format: 'pem' })) };
}

/** The owner of the folder; files belong to that user where root writes them. */
function ownerOf(folder: string): Stats {
  const hint = `make the folder for the user of the mail server: install -d -m 0750 -o USER -g GROUP ${folder}`;
  let found: Stats;
  try {
    found = statSync(folder);
  } catch (error) {
    throw refused(`--to: cannot use ${folder}: ${messageOf(error)}`, hint);
  }
  if (!found.isDirectory()) throw refused(`--to: ${folder} is not a folder`, hint);
  return found;
}

/** Mode 0600 for root's key would leave the mail server without it. */
function readersNote(keyFile: string, { uid }: Stats): string[] {
  if (uid !== 0 || process.geteuid?.() !== 0) return [];
  return [
    '\nThe files belong to root, as the folder does. Give the key to the user that the mail server runs this program as:\n',
    `\nchown cyrus ${keyFile}\n`,
  ];
}

function yamlText(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : JSON.stringify(path);
}

function refused(message: string, hint: string): OperatorError {
  return new OperatorError(message, { exitCode: ExitCode.badInput, hint });
}
