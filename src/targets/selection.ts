import type { Config } from '../config/config.ts';
import { ExitCode, OperatorError } from '../errors.ts';
import { comparableUser } from '../mailboxes/user-name.ts';
import type { TargetFilter } from './store.ts';

/** Which targets a person means; all conditions hold together. */
export interface TargetSelection {
  user?: string | undefined;
  token?: string | undefined;
  accountId?: string | undefined;
}

/** The same for the database, which has the names of users as the `users` rules make them. */
export function filterOf(config: Config, { user, token, accountId }: TargetSelection): TargetFilter {
  return {
    user: user === undefined ? undefined : comparableUser(user, config.users),
    tokenPrefix: token,
    accountId,
  };
}

export function noneSelected(): OperatorError {
  return new OperatorError('no target matches', {
    exitCode: ExitCode.badInput,
    hint: 'see what is there: xapplepush targets list',
  });
}
