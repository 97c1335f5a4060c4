import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseDoveconf, type Section } from '../../../src/check/dovecot/doveconf-output.ts';

const FOLDER = join(import.meta.dirname, '../../fixtures/doveconf');

function captured(name: string): Section {
  const doveconf = parseDoveconf(readFileSync(join(FOLDER, `${name}.txt`), 'utf8'));
  if (doveconf === undefined) throw new Error(`${name} is not understood`);
  return doveconf.root;
}

/** Written again as doveconf does, apart from quotes, so that nothing is lost without being seen. */
function written(section: Section, indent = ''): string[] {
  return [
    ...[...section.settings].map(([key, value]) => `${indent}${key} = ${value}`),
    ...section.sections.flatMap((each) => [
      `${indent}${[each.kind, each.name].filter((word) => word !== '').join(' ')} {`,
      ...written(each, `${indent}  `),
      `${indent}}`,
    ]),
  ];
}

describe('what doveconf -n of 2.3.19.1 and 2.4.1 printed', () => {
  test.each(readdirSync(FOLDER).filter((name) => name.endsWith('.txt')))(
    '%s is read line by line',
    (name) => {
      const text = readFileSync(join(FOLDER, name), 'utf8');
      const lines = text
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#') && !line.includes('# hidden'))
        .map((line) =>
          line
            .replace(/(= | )"(.*)"/, '$1$2')
            .replaceAll(/\\(["\\])/g, '$1')
            .trimEnd(),
        )
        .map((line) => (line.endsWith(' =') ? `${line} ` : line));
      const again = written(captured(name.replace('.txt', ''))).map((line) =>
        line.endsWith(' = ') ? line : line.trimEnd(),
      );
      const sorted = (all: string[]): string[] =>
        all.map((line) => line.replaceAll(/\\(["\\])/g, '$1')).sort();
      expect(sorted(again)).toEqual(sorted(lines));
    },
  );

  test.each([
    ['2.3-debian', '2.3.19.1'],
    ['2.4-debian', '2.4.1-4'],
  ])('%s has the version %s', (name, version) => {
    expect(parseDoveconf(readFileSync(join(FOLDER, `${name}.txt`), 'utf8'))?.version).toBe(version);
  });

  test('quotes are of the printing and not of the value', () => {
    const [plugin] = captured('2.3-quotes').sections;
    expect(plugin?.kind).toBe('plugin');
    expect(plugin?.settings.get('a')).toBe('x # y');
    expect(plugin?.settings.get('b')).toBe('  z');
    expect(plugin?.settings.get('c')).toBe('q"z');
    expect(plugin?.settings.get('d')).toBe('\\foo');
    const lua = captured('2.4-quotes').sections.find(({ kind }) => kind === 'push_notification');
    expect(lua?.settings.get('lua_file')).toBe('/etc/dove cot/{push}.lua');
    expect(lua?.sections[0]?.settings.get('spool')).toBe('/var/spool/x # y "q" \\b');
  });

  test('a hidden value is none', () => {
    const root = captured('2.3-debian');
    expect(root.settings.has('ssl_key')).toBe(false);
    expect(root.settings.get('ssl_cert')).toBe('</etc/dovecot/private/dovecot.pem');
  });
});

describe('what is no such output', () => {
  test.each(['', '\n', 'mail_plugins = x', '# some comment\nx = y', '# 2.4.1 and more', '{}', '}\n}\n}'])(
    '%j is refused',
    (text) => {
      expect(parseDoveconf(text)).toBeUndefined();
    },
  );

  test.each([
    ['a block without an end', 'service lmtp {\n  user = vmail', ['service lmtp {', '  user = vmail', '}']],
    ['an end without a block', '}\n}\na = b', ['a = b']],
    ['a line of another form', 'this is nothing\na = b\n= c\n{\n', ['a = b']],
    ['a name in quotes', 'mailbox "Sent Messages" {\n}', ['mailbox Sent Messages {', '}']],
    ['nothing as value', 'prefix = \nlocation =', ['prefix = ', 'location = ']],
  ])('%s is taken as far as it goes', (_, lines, expected) => {
    const doveconf = parseDoveconf(`# 2.4.1-4 (7d8c0e5759): /etc/dovecot/dovecot.conf\n${lines}`);
    expect(doveconf && written(doveconf.root)).toEqual(expected);
  });

  test('ten thousand open blocks and a megabyte in one line do not harm', () => {
    const header = '# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf\n';
    expect(parseDoveconf(header + 'a {\n'.repeat(10_000))).toBeDefined();
    for (const line of [
      `a${' '.repeat(1_000_000)}{ x`,
      'a'.repeat(1_000_000),
      `a = "${'\\'.repeat(1_000_000)}`,
    ])
      expect(parseDoveconf(header + line)).toBeDefined();
  });
});
