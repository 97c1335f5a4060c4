import { contentOf, type Page } from './markdown.ts';

/** A command line that a page shows. */
export interface Invocation {
  /** Where it stands. */
  file: string;
  /** After the program's name, without what the shell takes for itself. */
  words: readonly string[];
  /** Whether it stands in a block, to be pasted; in prose, words in capitals stand for others. */
  isInBlock: boolean;
}

/** Of these pages, and of cyrus.conf of the examples. */
export function invocationsIn(pages: readonly Page[]): Invocation[] {
  const shown = pages.flatMap(({ file, blocks, inlineCode }) => [
    ...blocks.flatMap(({ text }) => linesOf(text).map((line) => ({ file, line, isInBlock: true }))),
    ...inlineCode.map((line) => ({ file, line, isInBlock: false })),
  ]);
  const example = linesOf(contentOf('examples/cyrus/cyrus.conf'));
  return [...shown, ...example.map((line) => ({ file: 'cyrus.conf', line, isInBlock: true }))]
    .flatMap(({ line, ...where }) => callsIn(line).map((call) => ({ ...where, words: wordsOf(call) })))
    .filter(({ words: [first] }) => first !== 'COMMAND');
}

/** A line that ends with a backslash goes on. */
function linesOf(text: string): string[] {
  return text.replaceAll(/\\\n\s*/g, '').split('\n');
}

/** What follows the program's name where it is called: at the beginning, behind another command, or in quotes. */
function callsIn(line: string): string[] {
  const calls = line.matchAll(
    /(?:^ *|[|;&(] *|vmail |-- |")(?:\/usr\/bin\/)?xapplepush((?: (?! *cmd=)[^"\n]*)?)(?=$|["\n])/g,
  );
  return [...calls].map(([, call = '']) => call);
}

/** As a shell takes it apart, up to what it does with it itself: pipes, redirections, comments. */
function wordsOf(call: string): string[] {
  const words: string[] = [];
  for (const [piece, quoted, plain] of call.matchAll(/'([^']*)'|((?:[^\s'|<>;&)]|\d?>&)+)|[|<>;&)]/g)) {
    const isEnd = (quoted === undefined && plain === undefined) || plain?.startsWith('#') === true;
    if (isEnd) break;
    words.push(quoted ?? plain ?? piece);
  }
  return words;
}
