import * as v from 'valibot';
import { RETENTION } from './duration.ts';
import {
  apnsServer,
  choice,
  count,
  duration,
  flag,
  httpAddress,
  httpProxy,
  logDestination,
  namespacePrefix,
  onlyTrue,
  path,
  hostName,
  secretPath,
  socketPath,
  storePlace,
  text,
} from './kinds.ts';
import { shown } from './shown.ts';
import { contact, serviceUrl } from './url-kinds.ts';

// Waited for by a timer: setTimeout takes 2^31-1 ms at most, which is less than 25 days.
const wait = duration({ min: '0s', max: '24d' });
const deadline = duration({ min: '1s', max: '24d' });
const period = duration({ min: '1s', max: '3650d' });
const retention = duration(RETENTION);

/** Each takes up to 5 MB while it is full. Apple asks for few that last. */
const MAX_CONNECTIONS = 16;

const scope = choice('subscribed', 'inbox', 'off');

const CREDENTIAL = {
  certificate: v.optional(secretPath),
  key: v.optional(secretPath),
  passphrase_file: v.optional(secretPath),
  token: section({
    key: v.optional(secretPath),
    key_id: v.optional(text),
    team_id: v.optional(text),
  }),
  topic: v.optional(text), // by default the certificate's UID
};

const NAMESPACE = {
  prefix: v.optional(namespacePrefix),
  owner: v.optional(text),
  public: v.optional(onlyTrue),
  own_prefix: v.optional(text),
};

/** Every key of the configuration file: its kind and its default. */
export const SCHEMA = section({
  apns: section({
    server: v.optional(apnsServer, 'production'),
    ...CREDENTIAL,
    also: list(section(CREDENTIAL)),
    ca: v.optional(path),
    connections: v.optional(count({ min: 1, max: MAX_CONNECTIONS }), 1),
    proxy: v.optional(httpProxy),
    proxy_password_file: v.optional(secretPath),
  }),
  store: v.optional(storePlace, '/var/lib/xapplepush/xapplepush.db'),
  store_password_file: v.optional(secretPath),
  host: v.optional(hostName),
  state: v.optional(path, '/var/lib/xapplepush'), // with a PostgreSQL: what is each host's own
  spool: v.optional(path, '/var/spool/xapplepush'),
  imapd_conf: v.optional(path, '/etc/imapd.conf'),
  users: section({
    lowercase: v.optional(flag, true),
    domain: v.optional(choice('keep', 'strip'), 'keep'),
  }),
  events: section({
    MessageNew: v.optional(scope, 'subscribed'),
    MessageRead: v.optional(scope, 'inbox'),
    MessageTrash: v.optional(scope, 'inbox'),
    MessageMove: v.optional(scope, 'inbox'),
    MessageExpunge: v.optional(scope, 'inbox'),
    FlagsClear: v.optional(scope, 'inbox'),
    MessageAppend: v.optional(scope, 'inbox'),
    MessageCopy: v.optional(scope, 'inbox'),
    FlagsSet: v.optional(scope, 'off'),
  }),
  delivery: section({
    mode: v.optional(choice('background', 'foreground'), 'background'),
    linger: v.optional(wait, '10s'),
    deadline: v.optional(deadline, '10s'),
    expiry: v.optional(period, '24h'),
    throttle: v.optional(wait, '5s'),
    housekeeping_delay: v.optional(wait, '30s'),
    give_up: v.optional(period, '24h'),
  }),
  targets: section({
    max_per_user: v.optional(count({ min: 1, max: 1000 }), 20),
    shared_mailboxes: v.optional(flag, false),
    disable_after: v.optional(period, '72h'),
  }),
  prune: section({
    older_than: v.optional(retention, '10d'),
    bad_files: v.optional(retention, '30d'),
  }),
  history: section({
    max_age: v.optional(period, '7d'),
    max_entries: v.optional(count({ min: 0, max: 10_000_000 }), 100_000),
  }),
  log: section({
    level: v.optional(choice('debug', 'info', 'warn', 'error'), 'info'),
    destination: v.optional(logDestination, 'stderr'),
  }),
  control: v.optional(socketPath), // by default beside the store
  dovecot: section({
    namespaces: list(section(NAMESPACE)),
  }),
  serve: section({
    cyrus_socket: v.optional(socketPath),
    http: v.optional(httpAddress),
    http_password_file: v.optional(path),
    tls: section({
      certificate: v.optional(path),
      key: v.optional(secretPath),
    }),
    dict: v.optional(socketPath),
    metrics: v.optional(flag, true),
    status: v.optional(flag, false),
    plugin_padding: v.optional(flag, true),
    plugin_names_mailboxes: v.optional(flag, false),
  }),
  deltachat: section({
    enabled: v.optional(flag, false),
    notify: v.optional(serviceUrl, 'https://notifications.delta.chat/notify'),
    keep: v.optional(retention, '90d'),
    give_up: v.optional(period, '5h'),
  }),
  webpush: section({
    enabled: v.optional(flag, false),
    subject: v.optional(contact),
    key_file: v.optional(secretPath), // by default beside the store
    allow_private_addresses: v.optional(flag, false),
    give_up: v.optional(period, '24h'),
  }),
  webhook: section({
    urls: list(serviceUrl),
    secret_file: v.optional(secretPath),
    give_up: v.optional(period, '24h'),
  }),
});

/** What the file says, with defaults. */
export type Values = v.InferOutput<typeof SCHEMA>;

/** What stands at one key: keys under it, a list, or else a value, as it is `wrapped` with its default. */
export type Entry = v.GenericSchema & {
  keys?: Keys;
  each?: Entry;
  wrapped?: v.GenericSchema;
  default?: unknown;
};
export type Keys = Record<string, Entry>;

/** Keys under a name of their own. Where all are commented out it is null in YAML, and empty. */
function section<K extends Keys>(keys: K) {
  const object = v.object(keys);
  const isSection = v.custom<v.InferInput<typeof object>>(
    (value) => typeof value === 'object' && !Array.isArray(value),
    ({ input }) => `expected keys with values, got ${valueShown(input)}`,
  );
  return { ...v.nullish(v.pipe(isSection, object), {} as v.InferInput<typeof object>), keys };
}

/** Empty by default. */
function list<E extends Entry>(each: E) {
  const items = v.array(each, ({ input }) => `expected a list, got ${valueShown(input)}`);
  return { ...v.nullish(items, []), each };
}

function valueShown(value: unknown): string {
  return typeof value === 'object' ? shown(value) : `the value ${shown(value)}`;
}
