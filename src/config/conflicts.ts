import type { Config } from './config.ts';
import { socketPathProblem } from './kinds.ts';
import type { Position } from './yaml.ts';

/** One thing that is wrong with the configuration, and where. */
export interface ConfigProblem extends Position {
  /** The key with its sections, such as `delivery.linger`; '' where no key is concerned. */
  key: string;
  message: string;
}

/** The keys and sections that the file gives a value to, and where. */
export type GivenKeys = Map<string, Position>;

/** What is wrong with keys together, each being right on its own. */
export function conflicts(config: Config, given: GivenKeys): ConfigProblem[] {
  const found = [...credentialConflicts(given), ...missingTokenKeys(given), ...socketConflicts(config)];
  return found.map(({ at, key, message }) => ({ ...placeOf(given, at), key, message }));
}

interface Conflict {
  /** The keys that may stand in the file, the best place first. */
  at: string[];
  key: string;
  message: string;
}

function credentialConflicts(given: GivenKeys): Conflict[] {
  const found: Conflict[] = [];
  const certificate = given.get('apns.certificate');
  if (given.has('apns.token') && certificate !== undefined) {
    const message = `conflicts with apns.certificate in line ${certificate.line}: give one of them`;
    found.push({ at: ['apns.token'], key: 'apns.token', message });
  }
  if (given.has('apns.key') && certificate === undefined) {
    const message = 'belongs to apns.certificate, which is not given (the key of a token is apns.token.key)';
    found.push({ at: ['apns.key'], key: 'apns.key', message });
  }
  return found;
}

const TOKEN_KEYS = ['apns.token.key', 'apns.token.key_id', 'apns.token.team_id'];

function missingTokenKeys(given: GivenKeys): Conflict[] {
  if (!given.has('apns.token')) return [];
  return TOKEN_KEYS.filter((key) => !given.has(key)).map((key) => ({
    at: ['apns.token'],
    key,
    message: 'is missing: a token needs key, key_id and team_id',
  }));
}

function socketConflicts({ control, store, serve }: Config): Conflict[] {
  const at = ['control', 'store'];
  const tooLong = socketPathProblem(control);
  const found: Conflict[] = [];
  if (tooLong !== undefined) found.push({ at, key: 'control', message: `${tooLong}; set a shorter one` });
  if (control === store) found.push({ at, key: 'control', message: 'is the same file as store' });
  if (control === serve.cyrusSocket) {
    found.push({
      at: ['serve.cyrus_socket'],
      key: 'serve.cyrus_socket',
      message: 'is the same file as control',
    });
  }
  return found;
}

function placeOf(given: GivenKeys, keys: string[]): Position {
  const key = keys.find((candidate) => given.has(candidate));
  return given.get(key ?? '') ?? { line: 1, column: 1 };
}
