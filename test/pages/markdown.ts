import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

export interface Page {
  /** From the project's folder, such as docs/cyrus.md. */
  file: string;
  text: string;
  blocks: readonly { language: string; text: string }[];
  /** What stands in backquotes, outside of blocks. */
  inlineCode: readonly string[];
}

const BLOCK = /^ *```(\w*)\n([^]*?)^ *```/gm;

/** What of the project is not its own, or is made. */
const NOT_SEARCHED = /^(?:\.git|node_modules|dist.*|coverage)$/;

/** Every page of the project. */
export const PAGES: readonly Page[] = readdirSync(PROJECT, { withFileTypes: true })
  .filter(({ name }) => !NOT_SEARCHED.test(name))
  .flatMap((entry) => (entry.isDirectory() ? filesBelow(entry.name) : [entry.name]))
  .filter((name) => name.endsWith('.md'))
  .sort()
  .map(pageOf);

function filesBelow(folder: string): string[] {
  return readdirSync(join(PROJECT, folder), { recursive: true, encoding: 'utf8' }).map((name) =>
    join(folder, name),
  );
}

/** Throws where there is no such page. */
export function page(file: string): Page {
  const found = PAGES.find((each) => each.file === file);
  if (found === undefined) throw new Error(`no page ${file}`);
  return found;
}

export function contentOf(file: string): string {
  return readFileSync(join(PROJECT, file), 'utf8');
}

function pageOf(file: string): Page {
  const text = contentOf(file);
  const blocks = [...text.matchAll(BLOCK)].map(([, language = '', code = '']) => ({ language, text: code }));
  const inlineCode = [...proseOf(text).matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
  return { file, text, blocks, inlineCode };
}

/** Without blocks of code, in which nothing is a heading or a link. */
export function proseOf(text: string): string {
  return text.replace(BLOCK, '');
}

/** The fragments by which its headings can be reached, as Markdown is shown on the web. */
export function anchorsOf({ text }: Page): string[] {
  return [...proseOf(text).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** What its links and pictures point at. */
export function linksOf({ text }: Page): string[] {
  const prose = proseOf(text).replaceAll(/`[^`\n]+`/g, 'code');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
}
