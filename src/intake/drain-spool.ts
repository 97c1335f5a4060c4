import type { Clock } from '../process/clock.ts';
import { claimSpool, type SpooledEvents } from '../spool/spool.ts';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';
import type { Intake } from './intake.ts';
import type { Log } from '../process/log.ts';
import { createOrder, inGroups } from './order.ts';
import { type FileFate, takeFile, type Waiting } from './take-file.ts';

export interface SpoolReport {
  /** Files that are in the database now. */
  taken: number;
  /** Files that were set aside. */
  bad: number;
  /** The spool, or a file in it, could not be read and stays as it is. */
  stuck: boolean;
  /** Why; or why events wait that need what cannot be read now, which is imapd.conf. Undefined where neither is so. */
  trouble?: OperatorError;
}

export interface DrainOptions {
  log?: Log;
  /** Read side by side: for a store that makes one transaction, and one wait for the disk, of what comes together. */
  filesAtOnce?: number;
}

/**
 * Takes every waiting file of the spool, oldest first. Throws StoreError; what is left of the files at hand is then put
 * back. Other trouble with a file or with the spool itself keeps nothing else from being done; nor does what waits.
 */
export async function drainSpool(
  spool: string,
  intake: Intake,
  clock: Clock,
  { log, filesAtOnce = 1 }: DrainOptions = {},
): Promise<SpoolReport> {
  const report = { taken: 0, bad: 0, waits: 0 };
  const waiting: Waiting = { users: new Set(), inOrder: createOrder() };
  const stuck: unknown[] = [];
  const troubles: OperatorError[] = [];
  try {
    const files = claimSpool(spool, clock.nowMs(), (_, error) => stuck.push(error));
    for (const some of inGroups(files, filesAtOnce))
      for (const fate of await takeFiles(some, intake, waiting, log)) report[fate] += 1;
  } catch (error) {
    if (!isFileSystemError(error)) throw error;
    troubles.push(unusable(`cannot read spool ${spool}`, error));
  }
  // One for all of them: they have the same cause, the owner or the mode of a folder.
  if (stuck.length > 0)
    troubles.push(unusable(`cannot take ${stuck.length} of the files in ${spool}`, stuck[0]));
  const isStuck = troubles.length > 0;
  if (waiting.error !== undefined) troubles.unshift(waiting.error);
  const trouble = together(troubles);
  return { taken: report.taken, bad: report.bad, stuck: isStuck, ...(trouble && { trouble }) };
}

/** Throws what the first of them met, when all of them are done with. */
async function takeFiles(
  files: readonly SpooledEvents[],
  intake: Intake,
  waiting: Waiting,
  log: Log | undefined,
): Promise<FileFate[]> {
  const all = await Promise.allSettled(files.map((file) => takeFile(file, intake, waiting, log)));
  return all.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
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

/** One error that says them all. */
function together(errors: readonly OperatorError[]): OperatorError | undefined {
  const [first] = errors;
  if (first === undefined || errors.length === 1) return first;
  const all = (text: (error: OperatorError) => string): string => errors.map(text).join('; ');
  return new OperatorError(
    all(({ message }) => message),
    { exitCode: first.exitCode, hint: all(({ hint }) => hint), cause: first },
  );
}
