import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { openConfigured, type StoreConfig } from '../store/configured.ts';
import type { Store } from '../store/store.ts';
import { OperatorError } from '../process/errors.ts';
import { asOwner, type MailUser } from '../process/mail-user.ts';
import { closedOnTheWay } from '../process/rights.ts';
import { judgeServer } from './database-server.ts';
import { type Point, ok, problem } from './point.ts';
import { obstacle, obstacles } from './trial.ts';

export const DATABASE_FOLDER = 'database folder';
export const DATABASE = 'database';

/** The folder is written into, and the database's files are written to, as the mail server's user. */
export function checkStoreFolder(file: string, user: MailUser): Point {
  const folder = dirname(file);
  if (!existsSync(folder)) return checkMissing(folder, user);
  // https://sqlite.org/walformat.html: the files of a database in WAL mode.
  const files = [file, `${file}-wal`, `${file}-shm`].filter((each) => existsSync(each));
  const trials = [
    { kind: 'fill' as const, path: folder },
    ...files.map((path) => ({ kind: 'append' as const, path })),
  ];
  const [found] = obstacles(user, trials);
  if (found !== undefined) return problem(DATABASE_FOLDER, found.text, found.fix);
  return ok(DATABASE_FOLDER, `${user.called} can write into ${folder}`);
}

/** The program makes one level of folders. */
function checkMissing(folder: string, user: MailUser): Point {
  const found = obstacle(user, { kind: 'fill', path: dirname(folder) });
  if (found === undefined) return ok(DATABASE_FOLDER, `${folder} is made when needed`);
  const text = `there is no ${folder}, and ${user.called} cannot make it`;
  return problem(DATABASE_FOLDER, text, `install -d -m 0750 ${asOwner(user)} ${folder}`);
}

/** How long a look waits for a database that is locked: no transaction of ours takes so long. */
const BUSY_TIMEOUT_MS = 2000;

/** Opens the database, if there is one. The caller closes the store. */
export async function checkDatabase(config: StoreConfig): Promise<{ store?: Store; point: Point }> {
  const { store: file, postgres } = config;
  try {
    if (postgres === undefined && closedOnTheWay(file) === undefined && !existsSync(file))
      return { point: ok(DATABASE, `there is no ${file} yet: the first registration makes it`) };
    const store = await openConfigured(config, { create: false, busyTimeoutMs: BUSY_TIMEOUT_MS });
    return { store, point: await checkStore(store, store.file) };
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return { point: problem(DATABASE, error.message, error.hint) };
  }
}

/** A database that another process holds can be read, but not written to. */
async function checkStore(store: Store, file: string): Promise<Point> {
  try {
    await store.tryWriting();
    const version = `version ${await store.schemaVersion()}`;
    if (store.survey === undefined) return ok(DATABASE, `${file}, ${version}, by ${store.driver}`);
    return judgeServer(DATABASE, `${file}, ${version}`, await store.survey());
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return problem(DATABASE, error.message, error.hint);
  }
}
