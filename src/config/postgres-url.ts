/** Where a PostgreSQL is and how it is reached. */
export interface PostgresAddress {
  /** One at least; of several the first that can be written is taken. */
  hosts: PostgresPlace[];
  /** Undefined: the name of this process's user, as for libpq. */
  user: string | undefined;
  /** Undefined: the name of the user. */
  database: string | undefined;
  sslmode: SslMode;
  /** A file, or `system`: what the system trusts. */
  sslrootcert: string | undefined;
  sslcert: string | undefined;
  sslkey: string | undefined;
  /** A file of passwords, of libpq's. */
  passfile: string | undefined;
  /** Named in a service file, which says what the URL does not. */
  service: string | undefined;
  servicefile: string | undefined;
}

export interface PostgresPlace {
  /** A name, an address, or the folder of a Unix socket. */
  host: string;
  port: number;
}

const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof SSL_MODES)[number];

/** Of libpq (https://www.postgresql.org/docs/current/libpq-connect.html, 32.1.2), those that are known here. */
const PARAMETERS = [
  ...['host', 'port', 'user', 'dbname', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey'],
  ...['target_session_attrs', 'passfile', 'service', 'servicefile'],
];

/** What a service file may say: a password too, and no further service. */
const OF_SERVICE = [...PARAMETERS.filter((name) => !name.startsWith('service')), 'password'];

/** What is written can only be written to the primary server; libpq's other values mean a standby. */
const TARGETS = ['any', 'read-write', 'primary'];

/** Where Debian's PostgreSQL and libpq have their socket. */
const SOCKET_FOLDER = '/var/run/postgresql';
const PORT = 5432;

const SCHEME = /^postgres(?:ql)?:\/\//;

export function isPostgresUrl(text: string): boolean {
  return SCHEME.test(text);
}

/**
 * Reads `postgresql://user@host:port,host:port/database?sslmode=…`, or says what is wrong with it, without a secret of it;
 * with what the service says that it names, where that is known.
 */
export function readPostgresUrl(
  text: string,
  service?: Readonly<Record<string, string>>,
): PostgresAddress | { problem: string } {
  const [, start = '', places = '', rest = ''] = PARTS.exec(text) ?? [];
  const withOneHost = `${start}host${rest}`; // as the URLs of WHATWG are
  if (start === '' || !URL.canParse(withOneHost)) return { problem: UNREADABLE };
  const url = new URL(withOneHost);
  const problem = problemOf(url, url.searchParams) ?? problemOfService(service);
  if (problem !== undefined) return { problem };
  try {
    return addressOf(sourcesOf(url, places, service));
  } catch {
    return { problem: UNREADABLE }; // % and no two hexadecimal digits
  }
}

/** Scheme and user, hosts with their ports, and what follows. */
const PARTS = /^(postgres(?:ql)?:\/\/(?:[^@/?]*@)?)([^@/?]*)((?:[/?].*)?)$/;

const UNREADABLE =
  'expected postgresql://user@host:port/database, or several host:port with commas; without one, the Unix socket of this host';
const SECRET = 'a password does not belong here, where others read it: name its file in store_password_file';

/** Of its parameters, and of the password that must not be there. */
function problemOf({ password }: URL, given: URLSearchParams): string | undefined {
  if (password !== '' || given.has('password') || given.has('sslpassword')) return SECRET;
  const unknown = [...given.keys()].find((name) => !PARAMETERS.includes(name));
  if (unknown !== undefined) return unknownProblem(unknown, PARAMETERS);
  return problemOfTarget(given.get('target_session_attrs') ?? 'any');
}

function problemOfService(service: Readonly<Record<string, string>> = {}): string | undefined {
  const unknown = Object.keys(service).find((name) => !OF_SERVICE.includes(name));
  if (unknown !== undefined) return `in the service file, ${unknownProblem(unknown, OF_SERVICE)}`;
  return problemOfTarget(service['target_session_attrs'] ?? 'any');
}

function problemOfTarget(target: string): string | undefined {
  return TARGETS.includes(target)
    ? undefined
    : `expected target_session_attrs to be one of ${TARGETS.join(', ')}`;
}

function unknownProblem(name: string, known: readonly string[]): string {
  return `unknown parameter ${JSON.stringify(name)}; known here: ${known.join(', ')}`;
}

type Given = (name: string) => string | undefined;

/** What there is of each parameter. */
interface Sources {
  /** Of the URL, else of the service. */
  given: Given;
  places: string;
  /** False where a service may say more. */
  isWhole: boolean;
}

/** What stands before the question mark is the URL's own too. */
function sourcesOf(url: URL, places: string, known: Readonly<Record<string, string>> | undefined): Sources {
  const own = new Map([...url.searchParams]);
  const before = { user: partOf(url.username), dbname: partOf(url.pathname.slice(1)) };
  for (const [name, value] of Object.entries(before))
    if (value !== undefined && !own.has(name)) own.set(name, value);
  const service: Given = (name) => known?.[name];
  const given: Given = (name) =>
    own.get(name) ?? (name === 'host' && places !== '' ? undefined : service(name));
  return { given, places, isWhole: known !== undefined || !own.has('service') };
}

function addressOf({ given, places, isWhole }: Sources): PostgresAddress | { problem: string } {
  const host = given('host');
  const hosts =
    host === undefined ? placesOf(decodeURIComponent(places), given('port')) : hostsOf(host, given('port'));
  if (hosts === undefined) return { problem: UNREADABLE };
  if (hosts.some(({ port }) => !isPort(port))) return { problem: 'expected a port from 1 to 65535' };
  if (hosts.some(({ host }) => !HOST.test(host))) return { problem: UNREADABLE };
  const tls = tlsOf(given, isWhole);
  if ('problem' in tls) return tls;
  const [passfile, servicefile] = [given('passfile'), given('servicefile')];
  if ([passfile, servicefile].some((file) => file?.startsWith('/') === false))
    return { problem: 'expected passfile and servicefile to be absolute paths' };
  return {
    ...{ hosts, user: given('user'), database: given('dbname') },
    ...tls,
    ...{ passfile, service: given('service'), servicefile },
  };
}

/** A folder, a name or an address. */
const HOST = /^(?:\/.*|[\w.:%-]+)$/;

/** As a URL has them: each with its port, an IPv6 address in brackets. Undefined where one is none of these. */
function placesOf(places: string, ports: string | undefined): PostgresPlace[] | undefined {
  const found = places.split(',').map((place) => PLACE.exec(place));
  if (found.some((match) => match === null)) return undefined;
  const hosts = found.map((match) => match?.[1] ?? match?.[2] ?? '');
  const own = found.map((match) => match?.[3]);
  return withPorts(hosts, ports, own);
}

const PLACE = /^(?:\[([^\]]+)\]|(\/.*|[^:]*))(?::(\d+))?$/;

/** As the parameter `host` has them: without ports, an IPv6 address as it is. */
function hostsOf(hosts: string, ports: string | undefined): PostgresPlace[] | undefined {
  return withPorts(hosts.split(','), ports, []);
}

/** One port stands for all, as for libpq; as many as hosts, or it is undefined. */
function withPorts(
  hosts: readonly string[],
  ports: string | undefined,
  own: readonly (string | undefined)[],
): PostgresPlace[] | undefined {
  const further = ports?.split(',') ?? [];
  if (further.length > 1 && further.length !== hosts.length) return undefined;
  return hosts.map((host, index) => ({
    host: host === '' ? SOCKET_FOLDER : host,
    port: Number(own[index] ?? further[index] ?? further[0] ?? PORT),
  }));
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}

function partOf(encoded: string): string | undefined {
  return encoded === '' ? undefined : decodeURIComponent(encoded);
}

type Tls = Pick<PostgresAddress, 'sslmode' | 'sslrootcert' | 'sslcert' | 'sslkey'>;

/** `prefer` is libpq's own default. */
function tlsOf(given: Given, isWhole: boolean): Tls | { problem: string } {
  const sslmode = SSL_MODES.find((mode) => mode === (given('sslmode') ?? 'prefer'));
  if (sslmode === undefined) return { problem: `expected sslmode to be one of ${SSL_MODES.join(', ')}` };
  const [sslrootcert, sslcert, sslkey] = ['sslrootcert', 'sslcert', 'sslkey'].map(given);
  if (sslmode.startsWith('verify') && sslrootcert === undefined && isWhole)
    return { problem: `sslmode=${sslmode} needs sslrootcert: the file of a CA, or system` };
  return { sslmode, sslrootcert, sslcert, sslkey };
}
