import { posix } from 'node:path';
import type { DovecotNamespace } from '../mailboxes/dovecot-namespace.ts';
import type {
  CredentialConfig,
  DeliveryConfig,
  ProxyConfig,
  ServeConfig,
  Settings,
  TlsConfig,
} from './config.ts';
import { isPostgresUrl } from './postgres-url.ts';
import type { Values } from './schema.ts';

/** The configuration that the values of the file's keys are; its names are ours, its durations milliseconds. */
export function configOf(values: Values, file: string | undefined): Settings {
  const { apns, delivery, targets, prune, history, serve } = values;
  return {
    file,
    apns: {
      server: apns.server,
      ...credentialOf(apns),
      ...(apns.also.length > 0 && { also: apns.also.map(credentialOf) }),
      ...(apns.connections > 1 && { connections: apns.connections }),
      ...defined({ ca: apns.ca, proxy: proxyOf(apns) }),
    },
    ...storeOf(values),
    spool: values.spool,
    imapdConf: values.imapd_conf,
    users: values.users,
    events: values.events,
    delivery: deliveryOf(delivery),
    targets: {
      maxPerUser: targets.max_per_user,
      sharedMailboxes: targets.shared_mailboxes,
      disableAfterMs: targets.disable_after,
    },
    prune: { olderThanMs: prune.older_than, badFilesMs: prune.bad_files },
    history: { maxAgeMs: history.max_age, maxEntries: history.max_entries },
    log: values.log,
    control: values.control ?? controlBeside(storeOf(values).store),
    dovecot: { namespaces: values.dovecot.namespaces.map(namespaceOf) },
    serve: serveOf(serve),
    ...servicesOf(values),
  };
}

function servicesOf({
  deltachat,
  webpush,
  webhook,
}: Values): Pick<Settings, 'deltachat' | 'webpush' | 'webhook'> {
  const { enabled, notify } = deltachat;
  return {
    deltachat: { enabled, notify, keepMs: deltachat.keep, giveUpMs: deltachat.give_up },
    webpush: {
      enabled: webpush.enabled,
      ...defined({ subject: webpush.subject, keyFile: webpush.key_file }),
      allowPrivateAddresses: webpush.allow_private_addresses,
      giveUpMs: webpush.give_up,
    },
    webhook: {
      urls: webhook.urls,
      ...defined({ secretFile: webhook.secret_file }),
      giveUpMs: webhook.give_up,
    },
  };
}

function serveOf(serve: Values['serve']): ServeConfig {
  return {
    ...defined({
      cyrusSocket: serve.cyrus_socket,
      http: serve.http,
      httpPasswordFile: serve.http_password_file,
      tls: tlsOf(serve.tls),
      dict: serve.dict,
    }),
    metrics: serve.metrics,
    status: serve.status,
    pluginPadding: serve.plugin_padding,
    pluginNamesMailboxes: serve.plugin_names_mailboxes,
  };
}

function proxyOf({ proxy, proxy_password_file }: Values['apns']): ProxyConfig | undefined {
  if (proxy === undefined) return undefined;
  return { address: proxy, ...defined({ passwordFile: proxy_password_file }) };
}

function tlsOf({ certificate, key }: Values['serve']['tls']): TlsConfig | undefined {
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
}

type CredentialValues = Omit<
  Values['apns'],
  'server' | 'also' | 'ca' | 'connections' | 'proxy' | 'proxy_password_file'
>;

function credentialOf({
  certificate,
  key,
  passphrase_file,
  token,
  topic,
}: CredentialValues): CredentialConfig {
  return defined({ certificate, key, passphraseFile: passphrase_file, token: tokenOf(token), topic });
}

function tokenOf({ key, key_id, team_id }: CredentialValues['token']): CredentialConfig['token'] {
  if (key === undefined || key_id === undefined || team_id === undefined) return undefined;
  return { key, keyId: key_id, teamId: team_id };
}

function deliveryOf(delivery: Values['delivery']): DeliveryConfig {
  return {
    mode: delivery.mode,
    lingerMs: delivery.linger,
    deadlineMs: delivery.deadline,
    expiryMs: delivery.expiry,
    throttleMs: delivery.throttle,
    housekeepingDelayMs: delivery.housekeeping_delay,
    giveUpMs: delivery.give_up,
  };
}

/** One without a prefix, or whose it is, is told by conflicts.ts. */
function namespaceOf({
  prefix = '',
  owner,
  own_prefix = '',
}: Values['dovecot']['namespaces'][number]): DovecotNamespace {
  return { prefix, owner, ownPrefix: own_prefix };
}

function storeOf(values: Values): Pick<Settings, 'store' | 'postgres'> {
  const { store, store_password_file, host, state } = values;
  if (!isPostgresUrl(store)) return { store };
  const postgres = { url: store, ...defined({ passwordFile: store_password_file, host }) };
  return { store: posix.join(state, 'xapplepush.db'), postgres };
}

/** `/var/lib/xapplepush/xapplepush.db` has its control socket at `/var/lib/xapplepush/xapplepush.sock`. */
function controlBeside(store: string): string {
  const { dir, name } = posix.parse(store);
  return posix.join(dir, `${name}.sock`);
}

function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
