import type { EventScope } from './config.ts';
import type { LogLevel } from '../process/log.ts';
import type { ChangeName } from '../events/mail-event.ts';
import {
  apnsServer,
  choice,
  count,
  duration,
  flag,
  httpAddress,
  type Kind,
  logDestination,
  path,
  secretPath,
  socketPath,
  text,
} from './kinds.ts';
import type { YamlScalar } from './yaml.ts';

/** One key: the kind of its value, and the default as it would stand in the file; undefined where it has none. */
export interface Setting<T> {
  kind: Kind<T>;
  byDefault: YamlScalar | undefined;
}

/** Keys under a name of their own. */
export interface Section {
  readonly [key: string]: Setting<unknown> | SectionList | Section;
}

/** A list, each of whose entries has these keys; empty by default. */
export interface SectionList<S extends Section = Section> {
  eachOf: S;
}

/** What the keys of a section hold, read and with defaults. */
export type ValuesOf<S> = {
  [K in keyof S]: S[K] extends Setting<infer T>
    ? T
    : S[K] extends SectionList<infer E>
      ? ValuesOf<E>[]
      : ValuesOf<S[K]>;
};

// Waited for by a timer: setTimeout takes 2^31-1 ms at most, which is less than 25 days.
const wait = duration({ min: '0s', max: '24d' });
const deadline = duration({ min: '1s', max: '24d' });
const period = duration({ min: '1s', max: '3650d' });
// iOS registers again at most every 23 hours, so that less would drop devices in use.
export const retention = duration({ min: '1d', max: '3650d' });

const scope = choice<EventScope>('subscribed', 'inbox', 'off');

const CREDENTIAL = {
  certificate: optional(secretPath),
  key: optional(secretPath),
  passphrase_file: optional(secretPath),
  token: {
    key: optional(secretPath),
    key_id: optional(text),
    team_id: optional(text),
  },
  topic: optional(text), // by default the certificate's UID
} satisfies Section;

/** Every key of the configuration file: its kind and its default. */
export const SCHEMA = {
  apns: {
    server: setting(apnsServer, 'production'),
    ...CREDENTIAL,
    also: { eachOf: CREDENTIAL },
    ca: optional(path),
  },
  store: setting(path, '/var/lib/xapplepush/xapplepush.db'),
  spool: setting(path, '/var/spool/xapplepush'),
  imapd_conf: setting(path, '/etc/imapd.conf'),
  users: {
    lowercase: setting(flag, true),
    domain: setting(choice('keep', 'strip'), 'keep'),
  },
  events: {
    MessageNew: setting(scope, 'subscribed'),
    MessageRead: setting(scope, 'inbox'),
    MessageTrash: setting(scope, 'inbox'),
    MessageMove: setting(scope, 'inbox'),
    MessageExpunge: setting(scope, 'inbox'),
    FlagsClear: setting(scope, 'inbox'),
    MessageAppend: setting(scope, 'off'),
  } satisfies Record<ChangeName, Setting<EventScope>>,
  delivery: {
    mode: setting(choice('background', 'foreground'), 'background'),
    linger: setting(wait, '10s'),
    deadline: setting(deadline, '10s'),
    expiry: setting(period, '24h'),
    throttle: setting(wait, '5s'),
    housekeeping_delay: setting(wait, '30s'),
    give_up: setting(period, '24h'),
  },
  targets: {
    max_per_user: setting(count({ min: 1, max: 1000 }), 20),
    shared_mailboxes: setting(flag, false),
    disable_after: setting(period, '72h'),
  },
  prune: {
    older_than: setting(retention, '10d'),
    bad_files: setting(retention, '30d'),
  },
  history: {
    max_age: setting(period, '7d'),
    max_entries: setting(count({ min: 0, max: 10_000_000 }), 100_000),
  },
  log: {
    level: setting(choice<LogLevel>('debug', 'info', 'warn', 'error'), 'info'),
    destination: setting(logDestination, 'stderr'),
  },
  control: optional(socketPath), // by default beside the store
  serve: {
    cyrus_socket: optional(socketPath),
    http: optional(httpAddress),
    http_password_file: optional(path),
    metrics: setting(flag, true),
  },
} satisfies Section;

type Entry = Section[string];

export function isSetting(entry: Entry): entry is Setting<unknown> {
  return 'byDefault' in entry;
}

export function isSectionList(entry: Entry): entry is SectionList {
  return 'eachOf' in entry;
}

function setting<T>(kind: Kind<T>, byDefault: YamlScalar): Setting<T> {
  return { kind, byDefault };
}

function optional<T>(kind: Kind<T>): Setting<T | undefined> {
  return { kind, byDefault: undefined };
}
