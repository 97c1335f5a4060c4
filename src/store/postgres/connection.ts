import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import pg from 'pg';
import type { PostgresConfig } from '../../config/config.ts';
import { type PostgresAddress, type PostgresPlace, readPostgresUrl } from '../../config/postgres-url.ts';
import { ExitCode, messageOf, OperatorError } from '../../process/errors.ts';
import { isWithoutTls } from './errors.ts';
import { firstWritable } from './first-writable.ts';
import type { Login } from './pass-file.ts';
import { passwordAt } from './password.ts';
import { serviceNamed } from './service-file.ts';

/** How long a connection may take, and a statement on it. */
export interface Patience {
  connectMs: number;
  statementMs: number;
}

/**
 * All that a statement of ours looks for has an index; the statistics of an outbox that was empty a moment ago would
 * have PostgreSQL read the whole of it. What is read as a whole all the same then seems so dear that it would be
 * compiled first, which takes half a second.
 */
const PLANNING = ['enable_seqscan=off', 'jit=off'];

/** A dead network is noticed, also where nothing is asked. */
const KEEP_ALIVE_MS = 10_000;

/** The server too notices whoever is gone without a word: a transaction of theirs holds locks, and a connection. */
const LIVENESS = [
  'idle_in_transaction_session_timeout=10s',
  'tcp_keepalives_idle=10',
  'tcp_keepalives_interval=5',
  'tcp_keepalives_count=3',
  'tcp_user_timeout=20s',
];

/** The server gives a statement up before the client does, who cannot end what waits there for a lock. */
export const SERVER_FIRST_MS = 1000;

/** Connections to one database, made as they are needed. */
export interface Connections {
  /** The caller releases it. */
  take(): Promise<pg.PoolClient>;
  /** Whether one of them is connected, and free. */
  hasIdle: () => boolean;
  /** One of its own, connected, for whoever listens; the caller ends it. */
  extra(): Promise<pg.Client>;
  end(): Promise<void>;
}

/** Throws OperatorError where the URL, or a file that it names, cannot be used. */
export function connectionsTo(config: PostgresConfig, patience: Patience, max: number): Connections {
  const address = addressOf(config.url);
  const [first, ...others] = address.hosts.map((place) =>
    connectionsAt(config, { ...address, ...place }, { patience, max }),
  );
  if (first === undefined) throw new Error('an address without a host');
  return others.length === 0 ? first : firstWritable(first, others);
}

/** With what the service says that it names. */
function addressOf(url: string): PostgresAddress {
  const address = readPostgresUrl(url);
  if ('problem' in address) throw unusable(`store: ${address.problem}`);
  if (address.service === undefined) return address;
  const service = serviceOf(address.service, address.servicefile);
  const whole = readPostgresUrl(url, service);
  if ('problem' in whole) throw unusable(`store: ${whole.problem}`);
  return whole;
}

function serviceOf(name: string, file: string | undefined): Record<string, string> {
  try {
    const found = serviceNamed(name, file);
    if ('values' in found) return found.values;
    throw unusable(`store: ${found.problem}`);
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw unusable(`store: the file of service ${name} cannot be read (${messageOf(error)})`);
  }
}

type Address = PostgresAddress & PostgresPlace;

interface Terms {
  patience: Patience;
  /** At once. */
  max: number;
}

function connectionsAt(config: PostgresConfig, address: Address, { patience, max }: Terms): Connections {
  const login = loginOf(address);
  // Also asked before the server has a connection on which nobody would tell one.
  const password = (): string | undefined => passwordAt({ ...config, ...address }, login);
  const options = clientConfig(login, patience, password);
  const poolWith = (ssl: pg.ClientConfig['ssl']): pg.Pool => {
    const made = new pg.Pool({ ...options, ssl, max });
    // One that is lost says so to whoever asks it something; unheard, the event would end the process.
    made.on('error', () => undefined).on('connect', (client) => client.on('error', () => undefined));
    return made;
  };
  let tls = tlsOf(address);
  let pool = poolWith(tls);
  /** Without TLS, where that will do and the server has none. */
  const orPlain = async <T>(connect: () => Promise<T>): Promise<T> => {
    try {
      return await connect();
    } catch (error) {
      if (address.sslmode !== 'prefer' || !isWithoutTls(error)) throw error;
      if (tls !== false) pool = poolWith((tls = false));
      return connect();
    }
  };
  return {
    take: () =>
      orPlain(() => {
        if (pool.idleCount === 0) password();
        return pool.connect();
      }),
    hasIdle: () => pool.idleCount > 0,
    extra: () =>
      orPlain(async () => {
        password();
        const client = new pg.Client({ ...options, ssl: tls }).on('error', () => undefined);
        await client.connect();
        return client;
      }),
    end: () => pool.end(),
  };
}

/** As libpq: by default both are called as this process's user. */
function loginOf({ host, port, ...address }: Address): Login {
  const user = address.user ?? userInfo().username;
  return { host, port, user, database: address.database ?? user };
}

function clientConfig(login: Login, patience: Patience, password: () => string | undefined): pg.ClientConfig {
  return {
    ...login,
    ...{ options: optionsOf(patience), application_name: 'xapplepush' },
    password: () => password() ?? '',
    connectionTimeoutMillis: patience.connectMs,
    query_timeout: patience.statementMs + SERVER_FIRST_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    types: { getTypeParser },
  };
}

/** As the command line of a session (https://www.postgresql.org/docs/current/config-setting.html). */
function optionsOf({ statementMs }: Patience): string {
  const settings = [...PLANNING, ...LIVENESS, `statement_timeout=${statementMs}`];
  return settings.map((setting) => `-c ${setting}`).join(' ');
}

/** The types of int8 (https://www.postgresql.org/docs/current/catalog-pg-type.html): all of ours are safe integers. */
const INT8 = 20;

type ParserOf = (oid: number, format?: string) => unknown;
const parserOf = pg.types.getTypeParser as ParserOf;
const parserOfOurs: ParserOf = (oid, format) => (oid === INT8 ? Number : parserOf(oid, format));
const getTypeParser = parserOfOurs as typeof pg.types.getTypeParser;

/** As libpq takes sslmode; where `prefer` finds no TLS is seen when it connects. */
function tlsOf({ host, sslmode, ...files }: Address): pg.ClientConfig['ssl'] {
  if (sslmode === 'disable' || host.startsWith('/')) return false;
  const { sslrootcert, sslcert, sslkey } = files;
  const isChecked = sslmode.startsWith('verify') || (sslmode === 'require' && sslrootcert !== undefined);
  return {
    rejectUnauthorized: isChecked,
    ...(sslmode !== 'verify-full' && { checkServerIdentity: () => undefined }),
    ...(sslrootcert !== undefined &&
      sslrootcert !== 'system' && { ca: contentOf('sslrootcert', sslrootcert) }),
    ...(sslcert !== undefined && { cert: contentOf('sslcert', sslcert) }),
    ...(sslkey !== undefined && { key: contentOf('sslkey', sslkey) }),
  };
}

function contentOf(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unusable(`${option}: ${file} cannot be read (${messageOf(error)})`);
  }
}

function unusable(message: string): OperatorError {
  const hint = 'correct store in the configuration, or let the user that this program runs as read the file';
  return new OperatorError(message, { exitCode: ExitCode.configuration, hint });
}
