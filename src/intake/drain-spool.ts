import type { Clock } from '../process/clock.ts';
import { type ReadItem, readEvents } from '../events/read.ts';
import { claimSpool, type SpooledEvents } from '../spool/spool.ts';
import { UnfitFileError } from '../spool/file.ts';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';
import type { Intake } from './intake.ts';
import { type Log, reportError } from '../process/log.ts';
import { StoreError } from '../store/errors.ts';

export interface SpoolReport {
  /** Files that are in the database now. */
  taken: number;
  /** Files that were set aside. */
  bad: number;
  /** The spool, or a file in it, could not be read and stays as it is. */
  stuck: boolean;
  /** Why files wait that need what cannot be read now, which is imapd.conf; undefined where none does. */
  waits?: OperatorError;
}

/** What keeps files waiting, and the users in them: a registration is not overtaken by an event of its user. */
interface Waiting {
  error?: OperatorError;
  users: Set<string>;
}

/**
 * Takes every waiting file of the spool, oldest first. Throws StoreError; the file at hand is then put back. Other
 * trouble with a file or with the spool itself is told, and keeps nothing else from being done; nor does a file that waits.
 */
export async function drainSpool(
  spool: string,
  intake: Intake,
  clock: Clock,
  log?: Log,
): Promise<SpoolReport> {
  const report: SpoolReport = { taken: 0, bad: 0, stuck: false };
  const waiting: Waiting = { users: new Set() };
  const stuck: { file: string; error: unknown }[] = [];
  try {
    const files = claimSpool(spool, clock.nowMs(), (file, error) => stuck.push({ file, error }));
    for (const file of files) {
      const became = await takeFile(file, intake, waiting, log);
      if (became !== 'waits') report[became] += 1;
    }
  } catch (error) {
    if (!isFileSystemError(error)) throw error;
    report.stuck = true;
    reportError(unusable(`cannot read spool ${spool}`, error), log);
  }
  // One line for all of them: they have the same cause, the owner or the mode of a folder.
  const [first] = stuck;
  if (first !== undefined) {
    report.stuck = true;
    reportError(unusable(`cannot take ${stuck.length} of the files in ${spool}`, first.error), log);
  }
  return { ...report, ...(waiting.error && { waits: waiting.error }) };
}

async function takeFile(
  spooled: SpooledEvents,
  intake: Intake,
  waiting: Waiting,
  log: Log | undefined,
): Promise<'taken' | 'bad' | 'waits'> {
  let reason: string | undefined;
  try {
    reason = await takeEvents(spooled, intake, waiting);
  } catch (error) {
    if (isOfThisFile(error)) {
      letWait(spooled, error, waiting);
      return 'waits';
    }
    if (!(error instanceof UnfitFileError)) {
      spooled.putBack();
      throw error;
    }
    const file = spooled.setAside(error.message);
    log?.error('spool: a file is set aside', { file, reason: error.message });
    return 'bad';
  }
  if (reason === undefined) spooled.done();
  else spooled.setAside(reason);
  return reason === undefined ? 'taken' : 'bad';
}

/** Gives why one of them can never be taken. */
async function takeEvents(
  spooled: SpooledEvents,
  intake: Intake,
  waiting: Waiting,
): Promise<string | undefined> {
  let reason: string | undefined;
  for (const item of readEvents(spooled.read())) {
    if (waiting.error && usersOf(item).some((user) => waiting.users.has(user))) throw waiting.error;
    reason = (await intake(item, { atMs: spooled.writtenMs })).bad ?? reason;
  }
  return reason;
}

function letWait(spooled: SpooledEvents, error: OperatorError, waiting: Waiting): void {
  waiting.error ??= error;
  for (const item of readEvents(spooled.read())) for (const user of usersOf(item)) waiting.users.add(user);
  spooled.putBack();
}

/** What Cyrus says needs imapd.conf; what others say does not. */
function isOfThisFile(error: unknown): error is OperatorError {
  return error instanceof OperatorError && !(error instanceof StoreError);
}

/** Whom an event names, in lower case: rather one too many waits than one is overtaken. */
function usersOf(item: ReadItem): string[] {
  if ('bad' in item) return [];
  const events: unknown[] = Array.isArray(item.value) ? item.value : [item.value];
  const named = events.flatMap((event) => {
    const { user, Username } = (event ?? {}) as Record<string, unknown>;
    return [user, Username];
  });
  return named.filter((name) => typeof name === 'string').map((name) => name.toLowerCase());
}

function isFileSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && !(error instanceof OperatorError);
}

function unusable(what: string, error: unknown): OperatorError {
  return new OperatorError(`${what} (${messageOf(error)})`, {
    exitCode: ExitCode.tryAgain,
    hint: "the spool and its folders must belong to the user who owns the database's folder, with mode 0700",
    cause: error,
  });
}
