import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import forge from 'node-forge';
import type { Availability } from '../support/needs.ts';

export const UID_TOPIC = 'com.apple.mail.XServer.12345678-1234-4123-8123-123456789abc';

/** A folder in which the `openssl` command makes credential files, and reads them for comparison. */
export interface Workshop {
  dir: string;
  /** Writes a file under a new name; gives its path. */
  file: (content: string | Buffer) => string;
  /** A key as PKCS#8 PEM: a path. RSA keys are made once, since they take their time. */
  key: (type: 'rsa' | 'ec') => string;
  /** A certificate in PEM for the key, issued by the authority in `ca`: a path. */
  certificate: (options: CertificateOptions) => string;
  /** The authority's certificate in PEM. */
  ca: string;
  /** `openssl pkcs12 -export` with these further arguments: a path. */
  pkcs12: (certificate: string, key: string, ...args: string[]) => string;
  remove: () => void;
}

export interface CertificateOptions {
  key: string;
  /** As `-subj` takes it. */
  subject: string;
  /** Lines for `-extfile`, sections after them. */
  extensions?: string;
  days?: number;
}

export function createWorkshop(): Workshop {
  const dir = mkdtempSync(join(tmpdir(), 'xapplepush-workshop-'));
  let count = 0;
  const path = (): string => join(dir, `made${(count += 1)}`);
  const file = (content: string | Buffer): string => {
    const name = path();
    writeFileSync(name, content);
    return name;
  };
  const keys = new Map<string, string>();
  const key = (type: 'rsa' | 'ec'): string => {
    const made = keys.get(type) ?? makeKey(type, path());
    keys.set(type, made);
    return made;
  };
  const ca = path();
  const caKey = makeKey('ec', path());
  openssl(
    'req',
    '-x509',
    '-new',
    '-key',
    caKey,
    '-subj',
    '/CN=Workshop Authority',
    '-days',
    '99',
    '-out',
    ca,
  );
  const certificate = ({ subject, extensions = '', days = 90, ...own }: CertificateOptions): string => {
    const [request, made] = [path(), path()];
    const as = ['-multivalue-rdn', '-utf8'];
    openssl('req', '-new', '-key', own.key, '-subj', subject, ...as, '-out', request);
    const issued = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-days', String(days), '-out', made];
    openssl('x509', '-req', '-in', request, ...issued, '-extfile', file(extensions));
    return made;
  };
  const pkcs12: Workshop['pkcs12'] = (leaf, ofLeaf, ...args) => {
    const made = path();
    openssl('pkcs12', '-export', '-in', leaf, '-inkey', ofLeaf, '-out', made, ...args);
    return made;
  };
  return { dir, file, key, certificate, ca, pkcs12, remove: () => rmSync(dir, { recursive: true }) };
}

/** Runs the command; gives its standard output. Throws with what it said where it fails. */
export function openssl(...args: string[]): string {
  return execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function makeKey(type: 'rsa' | 'ec', out: string): string {
  const parameters = type === 'rsa' ? 'rsa_keygen_bits:2048' : 'ec_paramgen_curve:P-256';
  openssl('genpkey', '-algorithm', type, '-pkeyopt', parameters, '-out', out);
  return out;
}

/** Whether there is an `openssl`, and one that knows the old ciphers, for describeWith. */
export function opensslAvailability(provider: 'default' | 'legacy'): Availability {
  try {
    openssl('list', '-providers', '-provider', provider);
    return { available: true };
  } catch {
    const why = `openssl with its ${provider} provider was not found`;
    return { available: false, why, install: 'apt-get install -y --no-install-recommends openssl' };
  }
}

/** Lines for `-extfile`: Apple's extensions, as the certificates for pushes have them. */
export function appleExtensions({
  environments = ['production', 'development'],
  topics = [],
}: {
  environments?: readonly ('production' | 'development')[];
  topics?: readonly string[];
}): string {
  const numbers = { development: 1, production: 2 };
  const list = topics.map((topic, index) => `t${index}=UTF8:${topic}\nu${index}=SEQUENCE:use\n`).join('');
  return [
    'extendedKeyUsage=clientAuth\n',
    ...environments.map((name) => `1.2.840.113635.100.6.3.${numbers[name]}=DER:0500\n`),
    topics.length > 0 ? `1.2.840.113635.100.6.3.6=ASN1:SEQUENCE:topics\n[topics]\n${list}` : '',
    '[use]\nwhat=UTF8:app\n',
  ].join('');
}

/** One PKCS#12 file with all that these hold, which have neither encryption nor MAC: `openssl` makes none such. */
export function joinPkcs12(files: readonly string[]): Buffer {
  const { asn1 } = forge;
  const parsed = files.map((name) => asn1.fromDer(forge.util.createBuffer(readFileSync(name, 'latin1'))));
  const [first] = parsed;
  if (first === undefined) throw new Error('nothing to join');
  const safes = parsed.map((pfx) => {
    const octets = child(child(child(pfx, 1), 1), 0);
    if (typeof octets.value !== 'string') throw new Error('not the structure of PKCS#12');
    return { octets, safe: asn1.fromDer(octets.value) };
  });
  const contents = safes.flatMap(({ safe }) => safe.value as forge.asn1.Asn1[]);
  const joined = asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, contents);
  safes[0]!.octets.value = asn1.toDer(joined).getBytes();
  return Buffer.from(asn1.toDer(first).getBytes(), 'latin1');
}

function child(node: forge.asn1.Asn1, index: number): forge.asn1.Asn1 {
  const found = Array.isArray(node.value) ? node.value[index] : undefined;
  if (found === undefined) throw new Error('not the structure of PKCS#12');
  return found;
}
