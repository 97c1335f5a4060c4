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

function withoutDomain(user: string): string {
  const at = user.lastIndexOf('@');
  return at > 0 ? user.slice(0, at) : user;
}
