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

/** As `folded`, and a command that somebody copies stays on one line; the terminal itself breaks one that is longer. */
export function foldedToCopy(text: string, columns: number): string[] {
  return folded(text.replace(COMMAND, whole), columns).map(spaced);
}

/** As `wrapped`, and such a command stays on one line where it fits there. */
export function wrappedToCopy(text: string, columns: number): string[] {
  const fitting = (command: string): string => (columnsOf(command) <= columns ? whole(command) : command);
  return wrapped(text.replace(COMMAND, fitting), columns).map(spaced);
}

function whole(command: string): string {
  return command.replaceAll(' ', NO_SPACE);
}

function spaced(line: string): string {
  return line.replaceAll(NO_SPACE, ' ');
}

/** Where a text names one, after a colon, a semicolon or a backtick, up to the end of that part. */
const COMMAND =
  /(?<=^|[:;] |`)(?:cd|ch(?:grp|mod|own)|df|fuser|getent|install|ls|npm|rm|sudo|systemctl|ulimit|xapplepush) [^;`]*?(?=$|[;`)]|, | \()/g;

/** Unicode has no character there, and it is as wide as a space. */
const NO_SPACE = '\uffff';

/**
 * Each line of a text for people within so many columns. What goes on below stands under the value where the line is a
 * name and its value, else it is indented by two more than its line.
 */
export function fitted(text: string, columns: number): string {
  const lines = text.split('\n');
  return lines.map((line) => (columnsOf(line) <= columns ? line : foldedLine(line, columns))).join('\n');
}

function foldedLine(line: string, columns: number): string {
  const [begin = ''] = /^ *(?:\S+(?: \S+)* {2,})?/.exec(line) ?? [];
  const isValue = begin.trim() !== '' && begin.length <= columns / 3;
  const start = isValue ? begin : (/^ */.exec(line)?.[0] ?? '');
  const indent = isValue ? begin.length : start.length + 2;
  const parts = foldedToCopy(line.slice(start.length), columns - indent);
  return start + parts.join(`\n${' '.repeat(indent)}`);
}
