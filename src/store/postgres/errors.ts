import { messageOf, OperatorError } from '../../process/errors.ts';
import { StoreError, UnfitValueError } from '../errors.ts';

/** Says what a failure of the server or of the way to it means for the operator. Bugs pass unchanged. */
export function postgresError(name: string, thrown: unknown): Error {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (error instanceof OperatorError) return error;
  const code = codeOf(error);
  if (UNFIT.test(code))
    return new UnfitValueError(`database ${name} cannot hold a value (${code}: ${error.message})`, error);
  const known = EXPLANATIONS.find(([pattern]) => pattern.test(code) || pattern.test(error.message));
  if (known === undefined) return error;
  const [, message, hint] = known;
  const reason = [code, error.message].filter((part) => part !== '').join(': ');
  return new StoreError(`${message.replace('NAME', name)} (${reason})`, {
    hint,
    busy: BUSY.test(code) || BUSY.test(error.message),
    cause: error,
  });
}

/** Whether the connection, or the way to the server, has failed: another one may do. */
export function isLost(thrown: unknown): boolean {
  return LOST.test(codeOf(thrown)) || LOST.test(messageOf(thrown));
}

/** Whether the same transaction may succeed when it is run again: another one was in its way. */
export function isCollision(thrown: unknown): boolean {
  return COLLISION.test(codeOf(thrown));
}

/** The server has no TLS, says pg. */
export function isWithoutTls(thrown: unknown): boolean {
  return NO_TLS.test(messageOf(thrown));
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
}

/** Serialization failure, deadlock, and a device that was removed meanwhile. */
const COLLISION = /^(?:40001|40P01|23503)$/;

/**
 * By the code of https://www.postgresql.org/docs/current/errcodes-appendix.html, of errno(3) or of getaddrinfo(3), or
 * by what pg says where it has none. Read-only is what a former primary has become.
 */
const LOST =
  /^(?:08...|57P0[1-5]|25P0[34]|25006|ECONN\w+|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$|^Connection terminated|timeout exceeded when trying to connect|^Client has encountered a connection error|^Query read timeout/;

/**
 * Data exceptions, broken constraints, and what exceeds a limit of the program, such as a key's length: however often it
 * is tried. A row that is missing may have been removed meanwhile.
 */
const UNFIT = /^(?:22...|23(?!503)...|54...)$/;

const BUSY = /^(?:40001|40P01|55P03|57014)$|^Query read timeout/;

const NO_TLS = /does not support SSL connections/;

/** What a store says that nobody may change any more. */
export const LEFT = 'this store was left for another one';

const CERTIFICATE =
  'see sslmode and sslrootcert in `store`; with verify-full the name in the URL must be in the certificate';

const REACHABLE =
  'see whether PostgreSQL runs and listens there: pg_isready with the host and port of the URL; events wait in the spool';

const EXPLANATIONS: readonly (readonly [RegExp, string, string])[] = [
  [
    new RegExp(LEFT),
    'database NAME was left for another one',
    'let `store` name that one; which it is: xapplepush status',
  ],
  [
    /^(?:28...)$|no pg_hba.conf entry/,
    'database NAME does not let this user in',
    'see user and database in `store`, store_password_file, and pg_hba.conf on the server',
  ],
  [
    /password must be a(?: non-empty)? string|no password supplied/,
    'database NAME asks for a password, and none is known',
    'name its file in store_password_file; a file in PGPASSFILE, or ~/.pgpass, needs mode 0600',
  ],
  [/^3D000$/, 'there is no database NAME', 'make it, as a user who may: createdb --owner USER DATABASE'],
  [
    /^42501$/,
    'database NAME does not let this user do what is needed',
    'let the schema belong to the user of `store`: ALTER SCHEMA xapplepush OWNER TO USER; or GRANT CREATE ON DATABASE',
  ],
  [
    /^25006$/,
    'database NAME is read-only',
    'let `store` name the primary server: a standby takes no events; events wait in the spool',
  ],
  [/^53300$/, 'database NAME has no connection left', 'raise max_connections, or look who has them'],
  [/^53100$/, 'no space left for database NAME', 'make room on the file system of the server'],
  [
    /^(?:40001|40P01|55P03|57014)$|^Query read timeout/,
    'database NAME is too slow, or locked by others',
    'look what runs there: SELECT * FROM pg_stat_activity',
  ],
  [
    /self.signed|certificate|CERT_|UNABLE_TO_/i,
    'database NAME has a certificate that is not trusted',
    CERTIFICATE,
  ],
  [/^ENOENT$/, 'there is no socket of PostgreSQL for database NAME', REACHABLE],
  [NO_TLS, 'database NAME has no TLS', 'switch it on there (ssl = on), or see sslmode in `store`'],
  [/^(?:5[38]...|XX...)$/, 'database NAME fails', 'look at the log of PostgreSQL'],
  [/^42P01$|^42703$|^3F000$/, 'database NAME has lost a part of its schema', 'restore it from a backup'],
  [LOST, 'database NAME cannot be reached', REACHABLE],
  [/^(?:\d\w|F0|HV|P0)\w{3}$/, 'database NAME refuses a statement', 'look at the log of PostgreSQL'],
];
