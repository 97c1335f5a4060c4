import { asciiLowerCase } from '../ascii-case.ts';
import type { UserRules } from '../config/config.ts';

/** A user name made comparable: equal for every spelling the rules treat as one. '' (nobody) stays ''. Cyrus and
 * Dovecot fold A to Z alone. */
export function comparableUser(user: string, rules: UserRules): string {
  const name = rules.domain === 'strip' ? withoutDomain(user) : user;
  return rules.lowercase ? asciiLowerCase(name) : name;
}

function withoutDomain(user: string): string {
  const at = user.lastIndexOf('@');
  return at > 0 ? user.slice(0, at) : user;
}
