/**
 * Lower case of A to Z alone. JavaScript's own makes a `k` of the Kelvin sign and two characters of `İ`, so that a
 * stranger's name could become somebody's; mail servers compare names of users, hosts and mailboxes by ASCII.
 */
export function asciiLowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Whether they differ at most in the case of A to Z. */
export function isSameInAscii(a: string, b: string): boolean {
  return asciiLowerCase(a) === asciiLowerCase(b);
}
