import { dirname } from 'node:path';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';
import { troubleOfPlace } from './place.ts';

/** The database cannot take what we have for it now. The event must be kept elsewhere. */
export class StoreError extends OperatorError {
  /** Another process held the database for too long; nothing is wrong with it. */
  readonly busy: boolean;
  /** It is kept in the spool for `serve`, as it is meant to be. */
  readonly left: boolean;

  constructor(message: string, options: { hint: string; busy?: boolean; left?: boolean; cause: unknown }) {
    super(message, { exitCode: ExitCode.tryAgain, hint: options.hint, cause: options.cause });
    this.name = 'StoreError';
    this.busy = options.busy ?? false;
    this.left = options.left ?? false;
  }
}

/** The database can never hold a value that came with an event: its length, or what is in it. Nothing was changed. */
export class UnfitValueError extends OperatorError {
  constructor(message: string, cause: unknown) {
    const hint = 'look at what the mail server sends';
    super(message, { exitCode: ExitCode.badInput, hint, cause });
    this.name = 'UnfitValueError';
  }
}

/** A registration that is well but for the database: its device may be told the topic once it is kept elsewhere. */
export class NotRegistered extends StoreError {
  /** '' where it is not known. */
  readonly topic: string;

  constructor(cause: StoreError, topic: string) {
    super(cause.message, { hint: cause.hint, busy: cause.busy, left: cause.left, cause });
    this.name = 'NotRegistered';
    this.topic = topic;
  }
}

/** Says what a failure of the driver or the file system means for the operator. Bugs pass unchanged. */
export function storeError(file: string, thrown: unknown, look = troubleOfPlace): Error {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (error instanceof OperatorError) return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const place = OF_THE_PLACE.test(code) ? look(file) : undefined;
  if (place !== undefined) return new StoreError(place.message, { hint: place.hint, cause: error });
  const known = EXPLANATIONS.find(([pattern]) => pattern.test(code));
  if (known === undefined) return missingFolder(file, error) ?? error;
  const [, message, hint] = known;
  return new StoreError(`${message.replace('FILE', file)} (${code}: ${messageOf(error)})`, {
    hint: hint.replaceAll('FILE', file).replace('FOLDER', dirname(file)),
    busy: code.startsWith('SQLITE_BUSY'),
    cause: error,
  });
}

/** These codes do not say whether it is the rights, the disk, or that there is no such file. */
const OF_THE_PLACE = /^SQLITE_(?:CANTOPEN|READONLY|IOERR|PERM)|^E(?:ACCES|PERM|ROFS)$/;

const WRITABLE = 'FOLDER and the files in it must belong to the user that the mail server runs us as (cyrus)';

/** By the code of https://sqlite.org/rescode.html or errno(3). */
const EXPLANATIONS: readonly (readonly [RegExp, string, string])[] = [
  [
    /^SQLITE_BUSY/,
    'database FILE is locked by another process',
    'look for the process that holds it: fuser FILE',
  ],
  [
    /^SQLITE_CONSTRAINT_TRIGGER$/,
    'database FILE was left for another store',
    'let `store` name that one; which it is: xapplepush status',
  ],
  [/^SQLITE_READONLY|^EROFS/, 'database FILE is read-only', WRITABLE],
  [/^EACCES|^EPERM|^SQLITE_PERM/, 'database FILE cannot be used by this user', WRITABLE],
  [/^SQLITE_FULL|^ENOSPC|^EDQUOT/, 'no space left for database FILE', 'make room on its file system'],
  [/^SQLITE_CANTOPEN/, 'database FILE cannot be opened', `it must exist or be creatable; ${WRITABLE}`],
  [
    /^SQLITE_(NOTADB|CORRUPT)/,
    'FILE is damaged or no database',
    'stop xapplepush serve and the mail server, then move FILE, FILE-wal and FILE-shm away together: devices register again within a day',
  ],
  [/^SQLITE_IOERR|^EIO/, 'reading or writing database FILE failed', 'look at the disk and at the kernel log'],
  [/^ENOENT|^ENOTDIR/, 'no folder for database FILE', 'make it: install -d -m 0750 -o cyrus -g mail FOLDER'],
];

/** The driver reports a missing folder as a TypeError without a code. */
function missingFolder(file: string, error: Error): StoreError | undefined {
  if (!(error instanceof TypeError) || !error.message.includes('directory does not exist')) return undefined;
  const hint = `make it: install -d -m 0750 -o cyrus -g mail ${dirname(file)}`;
  return new StoreError(`no folder for database ${file}`, { hint, cause: error });
}
