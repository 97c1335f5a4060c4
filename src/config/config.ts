import type { DovecotNamespace } from '../mailboxes/dovecot-namespace.ts';
import type { UserRules } from '../mailboxes/user-name.ts';
import type { LogLevel } from '../process/log.ts';
import type { ChangeName } from '../events/mail-event.ts';

/** For which mailboxes an event is told: those a target subscribed to, only its INBOX, or none. */
export type EventScope = 'subscribed' | 'inbox' | 'off';

/** Files that prove to Apple who we are: a certificate or a provider token. */
export interface CredentialConfig {
  certificate?: string;
  key?: string;
  passphraseFile?: string;
  token?: { key: string; keyId: string; teamId: string };
  topic?: string;
}

/** What connects us to Apple where this host may not do so itself. */
export interface ProxyConfig {
  /** `http://proxy.example.org:3128`. */
  address: string;
  passwordFile?: string;
}

export interface ApnsConfig extends CredentialConfig {
  /** Origin of the server, such as https://api.push.apple.com:443. */
  server: URL;
  /** Further credentials, for devices that registered under another topic; absent where there are none. */
  also?: CredentialConfig[];
  ca?: string;
  /** At once, at most, for each credential; absent where it is one. */
  connections?: number;
  proxy?: ProxyConfig;
}

export interface DeliveryConfig {
  mode: 'background' | 'foreground';
  lingerMs: number;
  deadlineMs: number;
  expiryMs: number;
  throttleMs: number;
  housekeepingDelayMs: number;
  giveUpMs: number;
}

/** Of a door that speaks TLS. */
export interface TlsConfig {
  certificate: string;
  key: string;
}

export interface ServeConfig {
  cyrusSocket?: string;
  http?: string;
  httpPasswordFile?: string;
  tls?: TlsConfig;
  /** Where Dovecot keeps METADATA. */
  dict?: string;
  metrics: boolean;
  /** Whether the status page is shown. */
  status: boolean;
  /** Whether a short topic is filled up in the answer to Dovecot's XAPS plugin. */
  pluginPadding: boolean;
  /** Whether that plugin tells phones the names of their mailboxes. */
  pluginNamesMailboxes: boolean;
}

/** The places at which only a `serve` listens. */
export function configuredDoors({ cyrusSocket, http, dict }: ServeConfig): string[] {
  return [cyrusSocket, http, dict].filter((door) => door !== undefined);
}

/** Delta Chat's notification service. */
export interface DeltaChatConfig {
  enabled: boolean;
  /** What is asked to wake a device. */
  notify: string;
  /** How long a device counts after it registered. */
  keepMs: number;
  giveUpMs: number;
}

/** Web Push (RFC 8030). */
export interface WebPushConfig {
  enabled: boolean;
  /** Whom a push service can ask about us; there where it is enabled. */
  subject?: string;
  /** With the key that we are known by; beside the store where it is absent. */
  keyFile?: string;
  /** Whether a subscription may lead to an address that is not everybody's. */
  allowPrivateAddresses: boolean;
  giveUpMs: number;
}

/** Addresses of the administrator's that are told what happens. */
export interface WebhookConfig {
  urls: string[];
  /** What is posted is signed with; there where there are URLs. */
  secretFile?: string;
  giveUpMs: number;
}

/** A PostgreSQL that several hosts share. */
export interface PostgresConfig {
  /** As libpq has it, without a password. */
  url: string;
  /** Holds the password alone. */
  passwordFile?: string;
  /** What this host is called there, where it is not its hostname. */
  host?: string;
}

/** What the configuration file says, checked, with defaults filled in. Durations are milliseconds. */
export interface Settings {
  /** The file it was read from; undefined when there is none and the defaults hold. */
  file: string | undefined;
  apns: ApnsConfig;
  /** The database's file; beside it lies what is this host's own, also where the database is a PostgreSQL. */
  store: string;
  /** Absent where the database is a file. */
  postgres?: PostgresConfig;
  spool: string;
  imapdConf: string;
  users: UserRules;
  events: Record<ChangeName, EventScope>;
  delivery: DeliveryConfig;
  targets: { maxPerUser: number; sharedMailboxes: boolean; disableAfterMs: number };
  prune: { olderThanMs: number; badFilesMs: number };
  history: { maxAgeMs: number; maxEntries: number };
  log: { level: LogLevel; destination: string };
  control: string;
  dovecot: { namespaces: DovecotNamespace[] };
  serve: ServeConfig;
  deltachat: DeltaChatConfig;
  webpush: WebPushConfig;
  webhook: WebhookConfig;
}

/** The whole configuration, as this process works with it. */
export interface Config extends Settings {
  /** Of settings and program: processes with the same one do the same with an event (edition.ts). */
  edition: string;
}
