import { type Entry, usersOf } from './entry.ts';

/** Stands for everybody, and for a name that no index takes; no user is called so. */
const EVERYBODY = '';

/** Longer than any user's name; an entry of an index has 2,700 bytes at most. */
const LONGEST = 255;

/** By which names a batch of these entries is found, each once. */
export function indexedUsers(entries: readonly Entry[]): string[] {
  return [...new Set(entries.flatMap((entry) => usersOf(entry) ?? EVERYBODY).map(indexedName))];
}

/** By which name that user's are found: PostgreSQL takes no NUL. */
export function indexedName(user: string): string {
  return user.length > LONGEST || user.includes('\0') ? EVERYBODY : user;
}
