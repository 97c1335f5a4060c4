import type { DovecotNamespace } from '../mailboxes/dovecot-namespace.ts';
import type { Settings } from './config.ts';
import { socketPathProblem } from './socket-path.ts';
import type { Position } from './yaml.ts';

/** One thing that is wrong with the configuration, and where. */
export interface ConfigProblem extends Position {
  /** The key with its sections, such as `delivery.linger`; '' where no key is concerned. */
  key: string;
  message: string;
}

/** Where a problem stands that concerns nothing in the file. */
export const START: Position = { line: 1, column: 1 };

/** The keys and sections that the file gives a value to, and where. */
export type GivenKeys = Map<string, Position>;

/** What is wrong with keys together, each being right on its own. */
export function conflicts(config: Settings, given: GivenKeys): ConfigProblem[] {
  const further = [...given.keys()].filter((key) => FURTHER_CREDENTIAL.test(key));
  const found = [
    ...['apns', ...further].flatMap((prefix) => credentialConflicts(given, prefix)),
    ...further.flatMap((prefix) => emptyCredential(given, prefix)),
    ...proxyConflicts(given),
    ...tlsConflicts(config, given),
    ...config.dovecot.namespaces.flatMap((each, index) => namespaceConflicts(given, each, index)),
    ...storeConflicts(config, given),
    ...socketConflicts(config),
    ...serviceConflicts(config, given),
  ];
  return found.map(({ at, key, message }) => ({ ...placeOf(given, at), key, message }));
}

const FURTHER_CREDENTIAL = /^apns\.also\[\d+\]$/;

interface Conflict {
  /** The keys that may stand in the file, the best place first. */
  at: string[];
  key: string;
  message: string;
}

/** The same for the keys of `apns` and for those of each entry of `apns.also`. */
function credentialConflicts(given: GivenKeys, prefix: string): Conflict[] {
  const [certificate, key, token] = [`${prefix}.certificate`, `${prefix}.key`, `${prefix}.token`];
  const found: Conflict[] = [];
  const certificateAt = given.get(certificate);
  if (given.has(token) && certificateAt !== undefined) {
    const message = `conflicts with ${certificate} in line ${certificateAt.line}: give one of them`;
    found.push({ at: [token], key: token, message });
  }
  if (given.has(key) && certificateAt === undefined) {
    const message = `belongs to ${certificate}, which is not given (the key of a token is ${token}.key)`;
    found.push({ at: [key], key, message });
  }
  return [...found, ...missingTokenKeys(given, token)];
}

const TOKEN_KEYS = ['key', 'key_id', 'team_id'];

function missingTokenKeys(given: GivenKeys, token: string): Conflict[] {
  if (!given.has(token)) return [];
  return TOKEN_KEYS.map((name) => `${token}.${name}`)
    .filter((key) => !given.has(key))
    .map((key) => ({
      at: [token],
      key,
      message: 'is missing: a token needs key, key_id and team_id',
    }));
}

function emptyCredential(given: GivenKeys, prefix: string): Conflict[] {
  const names = [`${prefix}.certificate`, `${prefix}.token`, `${prefix}.key`]; // of a key alone it is told above
  if (names.some((key) => given.has(key))) return [];
  return [{ at: [prefix], key: prefix, message: 'is no credential: it has neither certificate nor token' }];
}

function proxyConflicts(given: GivenKeys): Conflict[] {
  const key = 'apns.proxy_password_file';
  if (!given.has(key) || given.has('apns.proxy')) return [];
  return [{ at: [key], key, message: 'belongs to apns.proxy, which is not given' }];
}

function tlsConflicts({ serve }: Settings, given: GivenKeys): Conflict[] {
  const key = 'serve.tls';
  if (!given.has(key)) return [];
  const missing = ['certificate', 'key'].filter((name) => !given.has(`${key}.${name}`));
  const found = missing.map((name) => ({
    ...{ at: [key], key: `${key}.${name}` },
    message: 'is missing: TLS needs certificate and key',
  }));
  if (!given.has('serve.http'))
    found.push({ at: [key], key, message: 'belongs to serve.http, which is not given' });
  else if (serve.http?.startsWith('unix:') === true)
    found.push({
      at: [key],
      key,
      message: 'is for a port, and serve.http is a Unix socket, which needs none',
    });
  return found;
}

function namespaceConflicts(
  given: GivenKeys,
  { prefix, owner }: DovecotNamespace,
  index: number,
): Conflict[] {
  const entry = `dovecot.namespaces[${index + 1}]`;
  const [ownerKey, publicKey] = [`${entry}.owner`, `${entry}.public`];
  const ownerAt = given.get(ownerKey);
  const found: Conflict[] = [];
  const tell = (at: string, key: string, message: string): number => found.push({ at: [at], key, message });
  if (!given.has(`${entry}.prefix`)) tell(entry, `${entry}.prefix`, 'is missing: such as shared/%u/');
  else if (owner?.includes('%') === true && prefix !== '' && !prefix.includes('%'))
    tell(ownerKey, ownerKey, 'expected a name, or %u, %n or %d of the prefix, which has none');
  if (given.has(publicKey) && ownerAt !== undefined)
    tell(publicKey, publicKey, `conflicts with ${ownerKey} in line ${ownerAt.line}: give one of them`);
  if (!given.has(publicKey) && ownerAt === undefined)
    tell(entry, entry, "does not say whose mailboxes they are: give owner, such as '%u', or public: true");
  return found;
}

/** Keys of a PostgreSQL without one, and what there is not with one. */
function storeConflicts({ postgres, delivery }: Settings, given: GivenKeys): Conflict[] {
  const message = 'belongs to a store at postgresql://…, and store names a file';
  if (postgres === undefined)
    return ['store_password_file', 'host', 'state']
      .filter((key) => given.has(key))
      .map((key) => ({ at: [key], key, message }));
  if (delivery.mode !== 'foreground') return [];
  const key = 'delivery.mode';
  return [
    { at: [key], key, message: 'is foreground, and with a store at postgresql://… only serve delivers' },
  ];
}

function socketConflicts({ control, store, serve }: Settings): Conflict[] {
  const at = ['control', 'store'];
  const tooLong = socketPathProblem(control);
  const found: Conflict[] = [];
  if (tooLong !== undefined) found.push({ at, key: 'control', message: `${tooLong}; set a shorter one` });
  if (control === store) found.push({ at, key: 'control', message: 'is the same file as store' });
  const tellSame = (key: string, other: string): number =>
    found.push({ at: [key], key, message: `is the same file as ${other}` });
  if (control === serve.cyrusSocket) tellSame('serve.cyrus_socket', 'control');
  if (control === serve.dict) tellSame('serve.dict', 'control');
  if (serve.dict !== undefined && serve.dict === serve.cyrusSocket)
    tellSame('serve.dict', 'serve.cyrus_socket');
  return found;
}

/** What a service cannot do without. */
function serviceConflicts({ webpush }: Settings, given: GivenKeys): Conflict[] {
  const found: Conflict[] = [];
  if (webpush.enabled && !given.has('webpush.subject'))
    found.push({
      at: ['webpush.subject', 'webpush.enabled'],
      key: 'webpush.subject',
      message: 'is missing: push services want to know whom to ask, such as mailto:postmaster@example.org',
    });
  if (given.has('webhook.urls[1]') && !given.has('webhook.secret_file'))
    found.push({
      at: ['webhook.secret_file', 'webhook.urls'],
      key: 'webhook.secret_file',
      message: 'is missing: what is posted to webhook.urls is signed with it',
    });
  return found;
}

function placeOf(given: GivenKeys, keys: string[]): Position {
  const key = keys.find((candidate) => given.has(candidate));
  return given.get(key ?? '') ?? START;
}
