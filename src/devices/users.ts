import type { Config } from '../config/config.ts';
import { comparableUser, isUserPattern } from '../mailboxes/user-name.ts';
import { withStore } from '../store/configured.ts';

/** More than fit on a screen help nobody. */
const MOST_USERS = 200;

/** What no shell takes for something else, nor bash for the end of a word. */
const PLAIN_NAME = /^[\p{L}\p{N}._@+%-]+$/u;

/** For the completion of shells: the users who have devices or endpoints and whose names begin so, a line each. */
export async function usersCommand(config: Config, beginning: string): Promise<string> {
  if (isUserPattern(beginning)) return '';
  const userPattern = `${comparableUser(beginning, { ...config.users, domain: 'keep' })}*`;
  const users = await withStore(config, async (store) => {
    const ids = await store.targetIds({ userPattern }, 'user');
    const targets = await store.targetsById(ids.slice(0, MOST_USERS), {});
    const endpoints = await store.listEndpoints({ userPattern }, { afterId: 0, limit: MOST_USERS });
    return [...new Set([...targets, ...endpoints].map(({ user }) => user))].sort();
  });
  return users
    .filter((user) => PLAIN_NAME.test(user))
    .map((user) => `${user}\n`)
    .join('');
}
