import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { openStore } from '../store/open.ts';
import type { Store } from '../store/store.ts';
import { OperatorError } from '../process/errors.ts';
import { countOf, timeText } from '../process/text.ts';
import { type Point, ok, problem, warning } from './point.ts';
import { type MailUser, obstacle } from './trial.ts';

export const DATABASE_FOLDER = 'database folder';
export const DATABASE = 'database';
export const OUTBOX = 'outbox';

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
  const [found] = trials.flatMap((trial) => obstacle(user, trial) ?? []);
  if (found !== undefined) return problem(DATABASE_FOLDER, found.text, found.fix);
  return ok(DATABASE_FOLDER, `${user.called} can write into ${folder}`);
}

/** The program makes one level of folders. */
function checkMissing(folder: string, user: MailUser): Point {
  const found = obstacle(user, { kind: 'fill', path: dirname(folder) });
  if (found === undefined) return ok(DATABASE_FOLDER, `${folder} is made when needed`);
  const text = `there is no ${folder}, and ${user.called} cannot make it`;
  return problem(DATABASE_FOLDER, text, `install -d -m 0750 ${user.ownership} ${folder}`);
}

/** Opens the database, if there is one. The caller closes the store. */
export async function checkDatabase(file: string): Promise<{ store?: Store; point: Point }> {
  if (!existsSync(file))
    return { point: ok(DATABASE, `there is no ${file} yet: the first registration makes it`) };
  try {
    const store = openStore(file, { create: false });
    return { store, point: ok(DATABASE, `${file}, version ${await store.schemaVersion()}`) };
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return { point: problem(DATABASE, error.message, error.hint) };
  }
}

/** The pushes that wait for Apple. */
export interface Waiting {
  rows: number;
  /** The first event of the oldest push; null where nothing waits. */
  oldestMs: number | null;
  /** Why its latest attempt failed; null where there was none. */
  reason: string | null;
}

/** Whether pushes wait for longer than they should. */
export async function checkOutbox(store: Store | undefined, nowMs: number): Promise<Point> {
  return judgeWaiting(store === undefined ? NOTHING : await readWaiting(store), nowMs);
}

const NOTHING: Waiting = { rows: 0, oldestMs: null, reason: null };

async function readWaiting(store: Store): Promise<Waiting> {
  const [{ waiting: rows }, [first]] = await Promise.all([store.countRows(), store.waitingIds({}, 1)]);
  const [oldest] = first === undefined ? [] : await store.waitingById([first]);
  return { rows, oldestMs: oldest?.enqueuedMs ?? null, reason: oldest?.lastReason ?? null };
}

/** A deliverer sends within seconds, and after a failure within minutes. */
const LATE_MS = 10 * 60 * 1000;

function judgeWaiting({ rows, oldestMs, reason }: Waiting, nowMs: number): Point {
  if (oldestMs === null) return ok(OUTBOX, 'no push waits');
  const text = `${countOf(rows, 'push waits', 'pushes wait')}, the oldest since ${timeText(oldestMs)}`;
  if (nowMs - oldestMs < LATE_MS) return ok(OUTBOX, text);
  const why = reason === null ? 'never tried' : `latest failure: ${reason}`;
  return warning(OUTBOX, `${text} (${why})`, 'fix what is said of Apple below, then: xapplepush flush --all');
}
