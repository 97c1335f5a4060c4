import type { Config } from '../config/config.ts';
import { comparableUser } from '../mailboxes/user-name.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';

/** Whose devices a person means; all conditions hold together. */
export interface Selection {
  user?: string | undefined;
  /** Beginning of a device token, in either case. */
  token?: string | undefined;
  accountId?: string | undefined;
}

/** The same for the database, which has the names of users as the `users` rules make them. */
export function filterOf(
  { users }: Pick<Config, 'users'>,
  { user, token, accountId }: Selection,
): { user: string | undefined; tokenPrefix: string | undefined; accountId: string | undefined } {
  const comparable = user === undefined ? undefined : comparableUser(user, users);
  return { user: comparable, tokenPrefix: token, accountId };
}

/** Nothing is what a person means (exit 65). */
export function noneSelected(): OperatorError {
  return new OperatorError('no device matches', {
    exitCode: ExitCode.badInput,
    hint: 'see what is there: xapplepush devices list',
  });
}
