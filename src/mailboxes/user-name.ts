import { asciiLowerCase } from '../process/ascii-case.ts';

/** How user names are made comparable, at registration and at delivery alike. */
export interface UserRules {
  lowercase: boolean;
  domain: 'keep' | 'strip';
}

/** A user name made comparable: equal for every spelling the rules treat as one. '' (nobody) stays ''. Cyrus and
 * Dovecot fold A to Z alone. */
export function comparableUser(user: string, rules: UserRules): string {
  const name = rules.domain === 'strip' ? withoutDomain(user) : user;
  return rules.lowercase ? asciiLowerCase(name) : name;
}

/** Whether a person means several users: `*` stands for any characters, `?` for one. */
export function isUserPattern(text: string): boolean {
  return /[*?]/.test(text);
}

/** Gives whether a user is one of those that a person names, by a name or a pattern. */
export function userMatcher(text: string, rules: UserRules): (user: string) => boolean {
  const wanted = comparableUser(text, rules);
  if (!isUserPattern(wanted)) return (user) => user === wanted;
  const source = wanted
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  const pattern = new RegExp(`^${source}$`, 'su');
  return (user) => pattern.test(user);
}

function withoutDomain(user: string): string {
  const at = user.lastIndexOf('@');
  return at > 0 ? user.slice(0, at) : user;
}
