import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ownUser } from '../../process/rights.ts';
import { messageOf } from '../../process/errors.ts';
import { type Defect, isDefect } from './defects.ts';
import { readPkcs12 } from './pki.ts';

export interface PrivateKey {
  pem: string;
  key: KeyObject;
  /** Set where the PEM is encrypted with it. */
  passphrase?: string;
}

/** What a file holds, and what of it cannot be used. */
export interface FileContents {
  certificates: X509Certificate[];
  keys: PrivateKey[];
  defects: Defect[];
}

export interface Passphrase {
  /** What the option is called that names its file. */
  option: string;
  value: string | undefined;
}

/** RFC 7468, 2: one block of PEM. */
const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]+?-----END \1-----/g;

/**
 * All certificates and keys of a file, PEM, PKCS#12 or one DER certificate, told by its content. `option` is what
 * people call the place where the file is named.
 */
export function readCredentialFile(option: string, file: string, passphrase: Passphrase): FileContents {
  const content = readNamedFile(option, file);
  const parts = isDefect(content) ? [content] : partsOf({ option, file, passphrase }, content);
  return {
    certificates: parts.filter((part) => part instanceof X509Certificate),
    keys: parts.filter((part) => 'pem' in part),
    defects: parts.filter(isDefect),
  };
}

/** The passphrase in a file, without the line break that ends it. */
export function readPassphrase(option: string, file: string | undefined): Passphrase | Defect {
  if (file === undefined) return { option, value: undefined };
  const content = readNamedFile(option, file);
  return isDefect(content) ? content : { option, value: content.toString('utf8').replace(/\r?\n$/, '') };
}

function readNamedFile(option: string, file: string): Buffer | Defect {
  try {
    return readFileSync(file);
  } catch (error) {
    return unreadable(option, file, error);
  }
}

function unreadable(option: string, file: string, error: unknown): Defect {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') {
    const message = `${option}: there is no file ${file}`;
    return { message, hint: `correct ${option} or put the file there` };
  }
  const message = `${option}: ${file} cannot be read by ${ownUser()}`;
  if (code === 'EACCES') {
    const hint = 'let the user that the mail server runs this program as read it, and nobody else';
    return { message: `${message}: permission denied`, hint };
  }
  return { message: `${message}: ${messageOf(error)}`, hint: `${option} takes the path of a file` };
}

type Part = X509Certificate | PrivateKey | Defect;

/** A file, and what its passphrase is. */
interface Place {
  option: string;
  file: string;
  passphrase: Passphrase;
}

function partsOf(place: Place, content: Buffer): Part[] {
  if (content.includes('-----BEGIN ')) return fromPem(place, content.toString('latin1'));
  const certificate = derCertificate(content);
  return certificate ? [certificate] : fromPkcs12(place, content);
}

function derCertificate(content: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(content);
  } catch {
    return undefined; // it is something else, which the caller finds out
  }
}

function fromPem(place: Place, text: string): Part[] {
  return [...text.matchAll(PEM_BLOCK)].flatMap(([pem, label = '']): Part[] => {
    if (label === 'CERTIFICATE') return [pemCertificate(place, pem)];
    return label.endsWith('PRIVATE KEY') ? [privateKey(place, pem)] : [];
  });
}

function pemCertificate({ option, file }: Place, pem: string): X509Certificate | Defect {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    const message = `${option}: a certificate in ${file} is damaged: ${messageOf(error)}`;
    return { message, hint: 'export the certificate again' };
  }
}

function privateKey(place: Place, pem: string): PrivateKey | Defect {
  const { option, file, passphrase } = place;
  const encrypted = /BEGIN ENCRYPTED |Proc-Type: 4,ENCRYPTED/.test(pem);
  if (encrypted && passphrase.value === undefined) return passphraseMissing(place);
  try {
    const own = encrypted && passphrase.value !== undefined ? { passphrase: passphrase.value } : {};
    return { pem, key: createPrivateKey({ key: pem, ...own }), ...own };
  } catch (error) {
    if (encrypted) return isUnsupported(error) ? oldCipher(place) : passphraseWrong(place);
    const message = `${option}: the private key in ${file} is damaged: ${messageOf(error)}`;
    return { message, hint: 'export the key again' };
  }
}

/**
 * OpenSSL 3 keeps DES, RC2 and others in its legacy provider, which Node does not load. One wrong passphrase in 256
 * gives ERR_OSSL_UNSUPPORTED, which is something else: its nonsense looks well padded and is no key.
 */
function isUnsupported(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_OSSL_EVP_UNSUPPORTED';
}

function fromPkcs12(place: Place, der: Buffer): Part[] {
  const { option, file, passphrase } = place;
  try {
    const { certificates, keys } = readPkcs12(der, passphrase.value ?? '');
    return [
      ...certificates.map((pem) => pemCertificate(place, pem)),
      ...keys.map((pem) => privateKey(place, pem)),
    ];
  } catch (error) {
    const why = messageOf(error);
    if (/unsupported/i.test(why)) return [oldCipher(place)];
    if (/password|decrypt/i.test(why))
      return [passphrase.value === undefined ? passphraseMissing(place) : passphraseWrong(place)];
    const found = der.length === 0 ? 'is empty: 0 bytes' : `is neither PEM nor PKCS#12 (${why})`;
    const message = `${option}: ${file} ${found}`;
    return [{ message, hint: 'give a certificate with its key, as PEM or as a .p12 export' }];
  }
}

function oldCipher({ option, file }: Place): Defect {
  const message = `${option}: ${file} is encrypted by a method that is not supported`;
  return {
    message,
    hint: 'encrypt it anew with AES: openssl pkey -aes256 for a key, openssl pkcs12 for PKCS#12',
  };
}

function passphraseMissing({ option, file, passphrase }: Place): Defect {
  const hint = `write the passphrase into a file that only this program can read, and name it by ${passphrase.option}`;
  return { message: `${option}: ${file} is encrypted and there is no passphrase for it`, hint };
}

function passphraseWrong({ option, file, passphrase }: Place): Defect {
  const hint = `correct the content of ${passphrase.option}; a line break at its end does not count`;
  return { message: `${option}: the passphrase does not open ${file}`, hint };
}
