import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ExitCode, messageOf, OperatorError } from '../errors.ts';
import { readPkcs12 } from './pki.ts';

export interface PrivateKey {
  pem: string;
  key: KeyObject;
  /** Set where the PEM is encrypted with it. */
  passphrase?: string;
}

export interface CredentialFile {
  certificates: X509Certificate[];
  keys: PrivateKey[];
}

/** RFC 7468, 2: one block of PEM. */
const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]+?-----END \1-----/g;

/** An error of the configuration: exit 78. */
export function configurationError(message: string, hint: string, cause?: unknown): OperatorError {
  return new OperatorError(message, { exitCode: ExitCode.configuration, hint, cause });
}

/**
 * All certificates and keys of a file, PEM, PKCS#12 or one DER certificate, told by its content. `option` is the
 * configuration's name for it. Throws OperatorError, exit 78.
 */
export function readCredentialFile(
  option: string,
  file: string,
  passphrase: string | undefined,
): CredentialFile {
  const content = readConfiguredFile(option, file);
  if (content.includes('-----BEGIN ')) return fromPem(option, file, content.toString('latin1'), passphrase);
  const certificate = derCertificate(content);
  if (certificate) return { certificates: [certificate], keys: [] };
  return fromPkcs12(option, file, content, passphrase);
}

/** The passphrase in a file, without the line break that ends it. */
export function readPassphrase(file: string): string {
  return readConfiguredFile('apns.passphrase_file', file)
    .toString('utf8')
    .replace(/\r?\n$/, '');
}

function readConfiguredFile(option: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw unreadable(option, file, error);
  }
}

function unreadable(option: string, file: string, error: unknown): OperatorError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') {
    return configurationError(
      `${option}: there is no file ${file}`,
      `correct ${option} or put the file there`,
      error,
    );
  }
  const message = `${option}: ${file} cannot be read by user id ${process.geteuid?.() ?? 'unknown'}`;
  if (code === 'EACCES') {
    const hint = 'let the user that the mail server runs this program as read it, and nobody else';
    return configurationError(`${message}: permission denied`, hint, error);
  }
  return configurationError(`${message}: ${messageOf(error)}`, `${option} takes the path of a file`, error);
}

function derCertificate(content: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(content);
  } catch {
    return undefined; // it is something else, which the caller finds out
  }
}

function fromPem(option: string, file: string, text: string, passphrase: string | undefined): CredentialFile {
  const blocks = [...text.matchAll(PEM_BLOCK)].map(([pem, label = '']) => ({ pem, label }));
  const certificates = blocks.filter(({ label }) => label === 'CERTIFICATE');
  const keys = blocks.filter(({ label }) => label.endsWith('PRIVATE KEY'));
  return {
    certificates: certificates.map(({ pem }) => pemCertificate(option, file, pem)),
    keys: keys.map(({ pem }) => privateKey(option, file, pem, passphrase)),
  };
}

function pemCertificate(option: string, file: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    const message = `${option}: a certificate in ${file} is damaged: ${messageOf(error)}`;
    throw configurationError(message, 'export the certificate again', error);
  }
}

function privateKey(option: string, file: string, pem: string, passphrase: string | undefined): PrivateKey {
  const encrypted = /BEGIN ENCRYPTED |Proc-Type: 4,ENCRYPTED/.test(pem);
  if (encrypted && passphrase === undefined) throw passphraseMissing(option, file);
  try {
    const own = encrypted && passphrase !== undefined ? { passphrase } : {};
    return { pem, key: createPrivateKey({ key: pem, ...own }), ...own };
  } catch (error) {
    if (encrypted) throw passphraseWrong(option, file, error);
    const message = `${option}: the private key in ${file} is damaged: ${messageOf(error)}`;
    throw configurationError(message, 'export the key again', error);
  }
}

function fromPkcs12(
  option: string,
  file: string,
  der: Buffer,
  passphrase: string | undefined,
): CredentialFile {
  const pems = pkcs12Content(option, file, der, passphrase);
  return {
    certificates: pems.certificates.map((pem) => pemCertificate(option, file, pem)),
    keys: pems.keys.map((pem) => privateKey(option, file, pem, undefined)),
  };
}

function pkcs12Content(
  option: string,
  file: string,
  der: Buffer,
  passphrase: string | undefined,
): ReturnType<typeof readPkcs12> {
  try {
    return readPkcs12(der, passphrase ?? '');
  } catch (error) {
    if (/password|decrypt/i.test(messageOf(error))) {
      throw passphrase === undefined ? passphraseMissing(option, file) : passphraseWrong(option, file, error);
    }
    const message = `${option}: ${file} is neither PEM nor PKCS#12 (${messageOf(error)})`;
    throw configurationError(message, 'give a certificate with its key, as PEM or as a .p12 export', error);
  }
}

function passphraseMissing(option: string, file: string): OperatorError {
  const hint =
    'write the passphrase into a file that only this program can read and set apns.passphrase_file';
  return configurationError(`${option}: ${file} is encrypted and no passphrase is configured`, hint);
}

function passphraseWrong(option: string, file: string, cause: unknown): OperatorError {
  const hint = 'correct the content of apns.passphrase_file; a line break at its end does not count';
  return configurationError(`${option}: the passphrase does not open ${file}`, hint, cause);
}
