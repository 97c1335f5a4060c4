/** Where a PostgreSQL is and how it is reached. */
export interface PostgresAddress {
  /** A name, an address, or the folder of a Unix socket. */
  host: string;
  port: number;
  /** Undefined: the name of this process's user, as for libpq. */
  user: string | undefined;
  /** Undefined: the name of the user. */
  database: string | undefined;
  sslmode: SslMode;
  /** A file, or `system`: what the system trusts. */
  sslrootcert: string | undefined;
  sslcert: string | undefined;
  sslkey: string | undefined;
}

const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof SSL_MODES)[number];

/** Of libpq (https://www.postgresql.org/docs/current/libpq-connect.html, 32.1.2), those that are known here. */
const PARAMETERS = ['host', 'port', 'user', 'dbname', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey'];

/** Where Debian's PostgreSQL and libpq have their socket. */
const SOCKET_FOLDER = '/var/run/postgresql';
const PORT = 5432;

const SCHEME = /^postgres(?:ql)?:\/\//;

export function isPostgresUrl(text: string): boolean {
  return SCHEME.test(text);
}

/** Reads `postgresql://user@host:port/database?sslmode=…`, or says what is wrong with it, without a secret of it. */
export function readPostgresUrl(text: string): PostgresAddress | { problem: string } {
  const url = isPostgresUrl(text) && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname.includes(',')) return { problem: UNREADABLE };
  const given = url.searchParams;
  if (url.password !== '' || given.has('password') || given.has('sslpassword')) return { problem: SECRET };
  const unknown = [...given.keys()].find((name) => !PARAMETERS.includes(name));
  if (unknown !== undefined)
    return { problem: `unknown parameter ${JSON.stringify(unknown)}; known here: ${PARAMETERS.join(', ')}` };
  try {
    return addressOf(url, (name) => given.get(name) ?? undefined);
  } catch {
    return { problem: UNREADABLE }; // % and no two hexadecimal digits
  }
}

const UNREADABLE =
  'expected postgresql://user@host:port/database, of one host; without a host, the Unix socket of this one';
const SECRET = 'a password does not belong here, where others read it: name its file in store_password_file';

type Given = (name: string) => string | undefined;

function addressOf(url: URL, given: Given): PostgresAddress | { problem: string } {
  const port = Number(given('port') ?? (url.port || PORT));
  if (!isPort(port)) return { problem: 'expected a port from 1 to 65535' };
  const tls = tlsOf(given);
  if ('problem' in tls) return tls;
  return {
    host: given('host') ?? (url.hostname.replace(/^\[(.*)\]$/, '$1') || SOCKET_FOLDER),
    port,
    user: given('user') ?? partOf(url.username),
    database: given('dbname') ?? partOf(url.pathname.slice(1)),
    ...tls,
  };
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}

function partOf(encoded: string): string | undefined {
  return encoded === '' ? undefined : decodeURIComponent(encoded);
}

type Tls = Pick<PostgresAddress, 'sslmode' | 'sslrootcert' | 'sslcert' | 'sslkey'>;

/** `prefer` is libpq's own default. */
function tlsOf(given: Given): Tls | { problem: string } {
  const sslmode = SSL_MODES.find((mode) => mode === (given('sslmode') ?? 'prefer'));
  if (sslmode === undefined) return { problem: `expected sslmode to be one of ${SSL_MODES.join(', ')}` };
  const [sslrootcert, sslcert, sslkey] = ['sslrootcert', 'sslcert', 'sslkey'].map(given);
  if (sslmode.startsWith('verify') && sslrootcert === undefined)
    return { problem: `sslmode=${sslmode} needs sslrootcert: the file of a CA, or system` };
  return { sslmode, sslrootcert, sslcert, sslkey };
}
