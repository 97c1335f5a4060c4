import stringWidth from 'fast-string-width';
import { wrapAnsi } from 'fast-wrap-ansi';

/** Nearly every cell of a long list, and a column a character: a tenth of the time. */
const PLAIN = /^[\x20-\x7e]*$/;

/** How many columns a text takes on a terminal. Composed first: a syllable of Hangul in parts is as wide as the whole. */
export function columnsOf(text: string): number {
  return PLAIN.test(text) ? text.length : stringWidth(text.normalize());
}

/** The text with spaces up to so many columns. */
export function padded(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - columnsOf(text)));
}

/** Lines of so many columns at most, broken at spaces where there is one, else anywhere. */
export function wrapped(text: string, columns: number): string[] {
  return wrapAnsi(text, columns, { hard: true }).split('\n');
}

/** The same, but a word that is longer stays whole. */
export function folded(text: string, columns: number): string[] {
  return wrapAnsi(text, columns).split('\n');
}
