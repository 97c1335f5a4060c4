import type { Config } from '../config/config.ts';
import { comparableUser, isUserPattern } from '../mailboxes/user-name.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';
import type { ServiceName } from '../services/endpoint.ts';
import type { EndpointFilter } from '../store/endpoints.ts';

/** Which endpoints a person means; all conditions hold together. */
export interface Selection {
  id?: number | undefined;
  user?: string | undefined;
  /** The name of a user, or a pattern such as `*@example.org`. */
  users?: string | undefined;
  service?: ServiceName | undefined;
}

/** The same for the database, which has the names of users as the `users` rules make them. */
export function filterOf(
  { users: rules }: Pick<Config, 'users'>,
  { id, user, users, service }: Selection,
): EndpointFilter {
  const name = user ?? users;
  const isPattern = users !== undefined && isUserPattern(users);
  const comparable = name === undefined ? undefined : comparableUser(name, rules);
  return { id, service, [isPattern ? 'userPattern' : 'user']: comparable };
}

/** Nothing is what a person means (exit 65). */
export function noneSelected(): OperatorError {
  return new OperatorError('no endpoint matches', {
    exitCode: ExitCode.badInput,
    hint: 'see what is there: xapplepush endpoints list',
  });
}
