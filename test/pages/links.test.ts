import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { anchorsOf, contentOf, linksOf, page, PAGES, PROJECT } from './markdown.ts';

const LINKS = PAGES.flatMap((each) => linksOf(each).map((link) => ({ file: each.file, link })));
const isOutside = (link: string): boolean => /^\w+:/.test(link);
const FILE_LINKS = LINKS.filter(({ link }) => !isOutside(link));

test.each(FILE_LINKS)('$file: $link', ({ file, link }) => {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? file : posix.join(posix.dirname(file), path);
  expect(existsSync(join(PROJECT, target))).toBe(true);
  if (anchor !== undefined) expect(anchorsOf(page(target))).toContain(anchor);
});

describe('the way through the pages', () => {
  test('no link leads out of the project without https', () => {
    expect(LINKS.filter(({ link }) => isOutside(link) && !/^https:/.test(link))).toEqual([]);
  });

  test('every page of docs can be reached from the README', () => {
    const reached = new Set<string>();
    const visit = (file: string): void => {
      if (reached.has(file) || !file.endsWith('.md')) return;
      reached.add(file);
      for (const { link } of FILE_LINKS.filter((each) => each.file === file))
        visit(posix.join(posix.dirname(file), link.split('#')[0] || posix.basename(file)));
    };
    visit('README.md');
    const guides = PAGES.map(({ file }) => file).filter((file) => !file.startsWith('test/'));
    expect(guides.filter((file) => !reached.has(file))).toEqual([]);
  });

  test('no two headings of a page that a link points at have one name', () => {
    for (const each of PAGES) {
      const anchors = anchorsOf(each);
      const linked = FILE_LINKS.filter(({ file, link }) => {
        const path = link.split('#')[0] ?? '';
        return (path === '' ? file : posix.join(posix.dirname(file), path)) === each.file;
      }).flatMap(({ link }) => link.split('#')[1] ?? []);
      const twice = linked.filter((anchor) => anchors.indexOf(anchor) !== anchors.lastIndexOf(anchor));
      expect(twice, each.file).toEqual([]);
    }
  });
});

test.each(['docs/way.svg'])('picture %s has a title, a description, and colours for the dark', (file) => {
  const svg = contentOf(file);
  const [, ids = ''] = /<svg [^>]*role="img"[^>]*aria-labelledby="([^"]+)"/.exec(svg) ?? [];
  expect(ids.split(' ')).toEqual(['title', 'description']);
  expect(svg).toMatch(/<title id="title">[^<]+<\/title>/);
  expect(svg).toMatch(/<desc id="description">[^<]+<\/desc>/);
  expect(svg).toContain('@media (prefers-color-scheme: dark)');
});

test('hints, comments and units name pages that exist, and no section of the README', () => {
  const files = ['src', 'bin', 'build', 'examples', 'dovecot', '.ci'].flatMap((folder) =>
    readdirSync(join(PROJECT, folder), { recursive: true, encoding: 'utf8' }).map((name) =>
      join(folder, name),
    ),
  );
  const texts = files.filter((file) => statSync(join(PROJECT, file)).isFile()).map(contentOf);
  const named = texts.flatMap((text) => text.match(/(?<![\w/.])docs\/[\w./-]*\.\w+/g) ?? []);
  expect(named).toContain('docs/dovecot.md');
  expect(named.filter((file) => !existsSync(join(PROJECT, file)))).toEqual([]);
  expect(texts.filter((text) => /README\.md(?! of)/.test(text))).toEqual([]);
});
