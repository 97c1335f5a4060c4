import { folded } from '../terminal/columns.ts';

/** Longest line of text, which roff fills anyway; mandoc(1) finds fault with those over 80. */
const LINE_MAX = 78;

/** Characters that roff or its output devices would show as another one, and how man(7) names them. */
const NAMES: Readonly<Record<string, string>> = {
  '\\': '\\(rs',
  '-': '\\-',
  "'": '\\(aq',
  '"': '\\(dq',
  '`': '\\(ga',
  '^': '\\(ha',
  '~': '\\(ti',
};

/**
 * Text so that roff shows exactly it within a line or in an argument of a macro. Line breaks and other control
 * characters, which have no place there, become spaces.
 */
export function escaped(text: string): string {
  return text
    .replace(/\p{Cc}/gu, ' ')
    .replace(/[\\\-'"`^~]/g, (character) => NAMES[character] ?? character)
    .replace(/[^\x20-\x7e]/gu, (character) => `\\[u${hexadecimal(character.codePointAt(0) ?? 0)}]`);
}

/** As man(7) wants it: four digits at least, capitals, no zeros in front of more. */
function hexadecimal(codePoint: number): string {
  return codePoint.toString(16).toUpperCase().padStart(4, '0');
}

/** Prose, in which `…` stands for what is typed as it is: a line or more for each sentence, for roff to fill. */
export function prose(text: string): string[] {
  return text
    .trim()
    .split(/(?<=[.?!]) +(?=[A-Z`])/)
    .flatMap((sentence) => {
      const parts = sentence.split('`').map((part, index) => (index % 2 === 0 ? escaped(part) : bold(part)));
      return folded(parts.join(''), LINE_MAX).map(textLine);
    });
}

export function bold(text: string): string {
  return `\\fB${escaped(text)}\\fR`;
}

export function italic(text: string): string {
  return `\\fI${escaped(text)}\\fR`;
}

/** A line with a macro; its arguments are already escaped, and may hold spaces. */
export function macro(name: string, ...words: readonly string[]): string {
  return [`.${name}`, ...words.map((word) => (/^[^ ]+$/.test(word) ? word : `"${word}"`))].join(' ');
}

/** Lines of a paragraph with a tag in front; both are already escaped. */
export function tagged(tag: string, ...body: readonly string[]): string[] {
  return ['.TP', tag, ...body];
}

/** Lines that are shown as they are. */
export function verbatim(lines: readonly string[]): string[] {
  return ['.EX', ...lines.map((line) => textLine(escaped(line))), '.EE'];
}

/** A dot at the beginning of a line would make it a request. */
function textLine(line: string): string {
  return line.startsWith('.') ? `\\&${line}` : line;
}
