import type { Clock } from '../process/clock.ts';
import { readEvents } from '../events/read.ts';
import { claimSpool, type SpooledEvents } from '../spool/spool.ts';
import { UnfitFileError } from '../spool/file.ts';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';
import type { Intake } from './intake.ts';
import { type Log, reportError } from '../process/log.ts';

export interface SpoolReport {
  /** Files that are in the database now. */
  taken: number;
  /** Files that were set aside. */
  bad: number;
  /** The spool, or a file in it, could not be read and stays as it is. */
  stuck: boolean;
}

/**
 * Takes every waiting file of the spool, oldest first. Throws StoreError; the file at hand is then put back. Other
 * trouble with a file or with the spool itself is told, and keeps nothing else from being done.
 */
export async function drainSpool(
  spool: string,
  intake: Intake,
  clock: Clock,
  log?: Log,
): Promise<SpoolReport> {
  const report: SpoolReport = { taken: 0, bad: 0, stuck: false };
  const stuck: { file: string; error: unknown }[] = [];
  try {
    const files = claimSpool(spool, clock.nowMs(), (file, error) => stuck.push({ file, error }));
    for (const file of files) {
      if (await takeFile(file, intake, log)) report.taken += 1;
      else report.bad += 1;
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
  return report;
}

/** False where it was set aside. */
async function takeFile(spooled: SpooledEvents, intake: Intake, log: Log | undefined): Promise<boolean> {
  let reason: string | undefined;
  try {
    for (const item of readEvents(spooled.read())) {
      reason = (await intake(item, { atMs: spooled.writtenMs })).bad ?? reason;
    }
  } catch (error) {
    if (!(error instanceof UnfitFileError)) {
      spooled.putBack();
      throw error;
    }
    const file = spooled.setAside(error.message);
    log?.error('spool: a file is set aside', { file, reason: error.message });
    return false;
  }
  if (reason === undefined) spooled.done();
  else spooled.setAside(reason);
  return reason === undefined;
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
