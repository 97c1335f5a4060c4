import { createHash, createPublicKey } from 'node:crypto';
import { keyFacts } from './certificate-facts.ts';
import { type Defect, isDefect } from './defects.ts';
import { type PrivateKey, readCredentialFile, readPassphrase } from './files.ts';
import type { CredentialSource } from './source.ts';
import type { TokenCredential } from './credentials.ts';
import { topicDefect } from './mail-topics.ts';

type TokenConfig = NonNullable<CredentialSource['token']>;

/** What was found where the key of a provider token should be. */
export interface TokenInspection {
  kind: 'token';
  source: CredentialSource;
  token: TokenConfig;
  /** All files that were read; each holds a key or a passphrase. */
  files: string[];
  secretFiles: string[];
  topic: string | undefined;
  /** The key that signs; where none can, the first one found. */
  key: PrivateKey | undefined;
  defects: Defect[];
  /** Set where there is no defect. */
  credential: TokenCredential | undefined;
}

/** Reads the key of a provider token and says everything that is wrong with it and with what belongs to it. */
export function inspectToken(source: CredentialSource, token: TokenConfig): TokenInspection {
  const { names, topic, passphraseFile } = source;
  const { key, defects: ofFile } = signingKey(source, token);
  const defects = [...ofFile, ...idDefects(names.token, token), ...topicDefects(source)];
  const files = [token.key, ...(passphraseFile === undefined ? [] : [passphraseFile])];
  const usable = defects.length === 0 && key !== undefined && topic !== undefined;
  const credential = usable ? credentialOf(token, key, topic, files) : undefined;
  return { kind: 'token', source, token, files, secretFiles: files, topic, key, defects, credential };
}

function signingKey(
  { names, passphraseFile }: CredentialSource,
  { key: file }: TokenConfig,
): { key: PrivateKey | undefined; defects: Defect[] } {
  const option = `${names.token}.key`;
  const passphrase = readPassphrase(names.passphraseFile, passphraseFile);
  if (isDefect(passphrase)) return { key: undefined, defects: [passphrase] };
  const { keys, defects } = readCredentialFile(option, file, passphrase);
  const key = keys.find(canSign);
  if (key !== undefined || defects.length > 0) return { key, defects };
  const hint = `${option} takes the file AuthKey_….p8 that Apple gave for the key id`;
  const [other] = keys;
  const { type, curve = '' } = other ? keyFacts(other.key) : { type: '' };
  const message = other
    ? `${option}: ${file} holds a key of type ${`${type} ${curve}`.trim()}, expected EC P-256`
    : `${option}: ${file} holds no private key`;
  return { key: other, defects: [{ message, hint }] };
}

/** RFC 7518, 3.4: ES256 is ECDSA with P-256. */
function canSign({ key }: PrivateKey): boolean {
  return keyFacts(key).curve === 'P-256';
}

/** Apple's ids of keys and of teams: "Establishing a token-based connection to APNs". */
const TEN_CHARACTERS = /^[A-Z0-9]{10}$/;

function idDefects(option: string, { keyId, teamId }: TokenConfig): Defect[] {
  const ids = [
    {
      name: `${option}.key_id`,
      id: keyId,
      hint: 'it is in the name of the .p8 file and on the page of the key',
    },
    { name: `${option}.team_id`, id: teamId, hint: 'it is on the membership page of the developer account' },
  ];
  return ids
    .filter(({ id }) => !TEN_CHARACTERS.test(id))
    .map(({ name, id, hint }) => ({
      message: `${name} is ${JSON.stringify(id)}, expected 10 capital letters and digits`,
      hint,
    }));
}

function topicDefects({ names: { topic: option }, topic, mayBeOfCollections }: CredentialSource): Defect[] {
  if (topic === undefined) {
    const hint = `set ${option} to the topic that Apple gave your team for Mail`;
    return [{ message: `${option} is not set, and a provider token names no topic`, hint }];
  }
  const wrong = topicDefect(topic, option, { mayBeOfCollections });
  return wrong === undefined ? [] : [wrong];
}

function credentialOf(
  { keyId, teamId }: TokenConfig,
  { key }: PrivateKey,
  topic: string,
  files: string[],
): TokenCredential {
  const publicDer = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return {
    kind: 'token',
    keyPem: String(key.export({ type: 'pkcs8', format: 'pem' })),
    keyId,
    teamId,
    topic,
    topics: [topic],
    fingerprint: createHash('sha256').update(keyId).update(teamId).update(publicDer).digest('hex'),
    files,
    notAfterMs: undefined,
  };
}
