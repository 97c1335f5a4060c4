import type { Clock } from '../process/clock.ts';
import { claimSpool } from '../spool/spool.ts';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';
import type { Intake } from './intake.ts';
import type { Log } from '../process/log.ts';
import { takeFile, type Waiting } from './take-file.ts';

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

/**
 * Takes every waiting file of the spool, oldest first. Throws StoreError; what is left of the file at hand is then put
 * back. Other trouble with a file or with the spool itself keeps nothing else from being done; nor does what waits.
 */
export async function drainSpool(
  spool: string,
  intake: Intake,
  clock: Clock,
  log?: Log,
): Promise<SpoolReport> {
  const report = { taken: 0, bad: 0, waits: 0 };
  const waiting: Waiting = { users: new Set() };
  const stuck: unknown[] = [];
  const troubles: OperatorError[] = [];
  try {
    const files = claimSpool(spool, clock.nowMs(), (_, error) => stuck.push(error));
    for (const file of files) report[await takeFile(file, intake, waiting, log)] += 1;
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
