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
  return (user) => matches(wanted, user);
}

/**
 * Where it fails it goes back to the latest `*` alone, since an earlier one could help no more than that: a URL may
 * bring a pattern, and a RegExp with many of them takes time without end.
 */
function matches(pattern: string, text: string): boolean {
  let [at, star, tried] = [0, -1, 0];
  for (let index = 0; index < text.length;) {
    const wanted = pattern[at];
    if (wanted === '*') {
      star = at;
      tried = index;
      at += 1;
    } else if (wanted === '?' || wanted === text[index]) {
      at += 1;
      index += wanted === '?' ? widthAt(text, index) : 1;
    } else if (star === -1) return false;
    else {
      tried += 1;
      index = tried;
      at = star + 1;
    }
  }
  return /^\**$/.test(pattern.slice(at));
}

/** Of a character in code units. */
function widthAt(text: string, index: number): number {
  return (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1;
}

function withoutDomain(user: string): string {
  const at = user.lastIndexOf('@');
  return at > 0 ? user.slice(0, at) : user;
}
