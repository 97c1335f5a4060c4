import type { Config } from '../config/config.ts';
import { comparableUser, isUserPattern } from '../mailboxes/user-name.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';
import type { TargetFilter } from '../targets/record.ts';

/** Whose devices a person means; all conditions hold together. */
export interface Selection {
  user?: string | undefined;
  /** The name of a user, or a pattern such as `*@example.org`. */
  users?: string | undefined;
  /** Beginning of a device token, in either case. */
  token?: string | undefined;
  accountId?: string | undefined;
}

/** The same for the database, which has the names of users as the `users` rules make them. */
export function filterOf(
  { users: rules }: Pick<Config, 'users'>,
  { user, users, token, accountId }: Selection,
): Pick<TargetFilter, 'user' | 'userPattern' | 'tokenPrefix' | 'accountId'> {
  const name = user ?? users;
  const comparable = name === undefined ? undefined : comparableUser(name, rules);
  const isPattern = users !== undefined && isUserPattern(users);
  return { [isPattern ? 'userPattern' : 'user']: comparable, tokenPrefix: token, accountId };
}

/** Nothing is what a person means (exit 65). */
export function noneSelected(): OperatorError {
  return new OperatorError('no device matches', {
    exitCode: ExitCode.badInput,
    hint: 'see what is there: xapplepush devices list',
  });
}
