import { statSync } from 'node:fs';
import { join } from 'node:path';
import { ExitCode, OperatorError } from '../process/errors.ts';
import { closedOnTheWay, ownUser, runAs } from '../process/rights.ts';

/** Reads a history; throws OperatorError (75) where this user may not. */
export async function readingHistory<T>(folder: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    const { uid } = statSync(closedOnTheWay(join(folder, 'devices.jsonl')) ?? folder);
    throw new OperatorError(`${ownUser()} may not read the history in ${folder}`, {
      exitCode: ExitCode.tryAgain,
      hint: runAs(uid),
      cause: error,
    });
  }
}
