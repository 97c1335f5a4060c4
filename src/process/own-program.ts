import { constants } from 'node:fs';
import { ownFile } from './installation.ts';
import { ExitCode, OperatorError } from './errors.ts';
import { closedOnTheWay, ownUser, refusalOf } from './rights.ts';

/** Says which part of this program the user may not read, such as one below root's home; undefined for other errors. */
export function closedProgram(error: unknown): OperatorError | undefined {
  const path = refusedPath(error);
  return path === undefined ? undefined : closedAt(path, error);
}

/** The same for a file that may be it; undefined where it can be read. */
export function closedAt(path: string, cause: unknown): OperatorError | undefined {
  if (refusalOf(path, constants.R_OK) !== 'EACCES') return undefined;
  const closed = closedOnTheWay(path);
  return mayNot(ownUser(), closed === undefined ? `read ${path}` : `enter ${closed}`, cause);
}

/** That a user may not do that to a part of this program. */
export function mayNot(user: string, what: string, cause?: unknown): OperatorError {
  return new OperatorError(`${user} may not ${what}, which is part of this program`, {
    exitCode: ExitCode.tryAgain,
    hint: `let everybody read the program: chmod -R a+rX ${ownFile('.')}; folders above it need chmod a+x`,
    cause,
  });
}

function refusedPath(error: unknown): string | undefined {
  const { code, path } = (error ?? {}) as NodeJS.ErrnoException; // anything may be thrown
  return code === 'EACCES' && typeof path === 'string' && path.startsWith(ownFile('.')) ? path : undefined;
}
