import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseYaml, type YamlNode } from '../../src/config/yaml.ts';

/** The tree as plain values, without places. */
function plain(node: YamlNode | undefined): unknown {
  switch (node?.kind) {
    case 'map':
      return Object.fromEntries(node.entries.map(({ key, value }) => [key, plain(value)]));
    case 'list':
      return node.items.map(plain);
    case 'scalar':
      return node.value;
    case undefined:
      return undefined;
  }
}

describe('values', () => {
  const good = (text: string, want: unknown): void => {
    it(JSON.stringify(text), () => {
      const { root, problems } = parseYaml(text);
      expect(problems).toEqual([]);
      expect(plain(root)).toEqual(want);
    });
  };
  good('', null);
  good('# nothing\n', null);
  good('a: 1', { a: 1 });
  good('a: text\nb: true\nc:\n', { a: 'text', b: true, c: null });
  good('a: off\nb: no\nc: yes\nd: on', { a: 'off', b: 'no', c: 'yes', d: 'on' });
  good('%YAML 1.1\n---\na: off\nb: 10:30', { a: 'off', b: '10:30' });
  good('{ a: [1, b], c: { d: e } }', { a: [1, 'b'], c: { d: 'e' } });
  good("a: '[::1]:1'", { a: '[::1]:1' });
  good('0x10: a\ntrue: b\n~: c', { '0x10': 'a', true: 'b', '~': 'c' });
  good('<<: { a: 1 }', { '<<': { a: 1 } });
  good('\uFEFFa: 1\r\nb: 2\r\n', { a: 1, b: 2 });
});

describe('places', () => {
  it('are those of keys and values, counted from 1', () => {
    const { root } = parseYaml('# comment\na:\n  b: x\nc: [ y,\n  z ]\nd:\n');
    expect(root).toEqual({
      kind: 'map',
      at: { line: 2, column: 1 },
      entries: [
        {
          key: 'a',
          at: { line: 2, column: 1 },
          value: {
            kind: 'map',
            at: { line: 3, column: 3 },
            entries: [
              {
                key: 'b',
                at: { line: 3, column: 3 },
                value: { kind: 'scalar', at: { line: 3, column: 6 }, value: 'x' },
              },
            ],
          },
        },
        {
          key: 'c',
          at: { line: 4, column: 1 },
          value: {
            kind: 'list',
            at: { line: 4, column: 4 },
            items: [
              { kind: 'scalar', at: { line: 4, column: 6 }, value: 'y' },
              { kind: 'scalar', at: { line: 5, column: 3 }, value: 'z' },
            ],
          },
        },
        {
          key: 'd',
          at: { line: 6, column: 1 },
          value: { kind: 'scalar', at: { line: 6, column: 3 }, value: null },
        },
      ],
    });
  });
});

describe('problems', () => {
  const bad = (text: string, why: RegExp, ...places: [number, number][]): void => {
    it(`${JSON.stringify(text.slice(0, 40))}: ${why.source}`, () => {
      const { problems } = parseYaml(text);
      expect(problems.map(({ line, column }) => [line, column])).toEqual(places);
      for (const { message } of problems) expect(message).toMatch(why);
    });
  };
  bad('a: 1\nb: 2\na: 3\na: 4', /^`a` is given twice, first in line 1$/, [3, 1], [4, 1]);
  bad('a: 1\n"a": 3', /given twice/, [2, 1]);
  bad('a: [1', /./, [1, 6]);
  bad('a: 1\n\tb: 2', /./, [2, 1]);
  bad('a: &x 1\nb: *x', /aliases are not supported/, [2, 4]);
  bad('a: !!binary aGk=', /tag/i, [1, 4]);
  bad('a: !mine 1', /tag/i, [1, 4]);
  bad('? [a, b]\n: 1', /single word/, [1, 3]);
  bad('a: 1\n---\nb: 2', /document/i, [2, 1]);
  bad(`a:\n  ${'['.repeat(200_000)}`, /nested too deeply/, [2, 65]);
  bad('- '.repeat(200_000), /nested too deeply/, [1, 127]);

  it('of the syntax leave no tree, a key given twice leaves the first', () => {
    expect(parseYaml('a: [1').root).toBeUndefined();
    expect(plain(parseYaml('a: 1\na: 2').root)).toEqual({ a: 1 });
  });

  it('are found in time even where there are many', () => {
    expect(parseYaml('a: 1\n'.repeat(20_000)).problems).toHaveLength(19_999);
  });
});

it('never throws', () => {
  const piece = fc.constantFrom(
    'a',
    ':',
    ' ',
    '\n',
    '-',
    '[',
    ']',
    '{',
    '}',
    '&a',
    '*a',
    '!!',
    '"',
    "'",
    '|',
    '%',
    '?',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece).map((pieces) => pieces.join('')),
      ),
      (text) => {
        for (const { line, column } of parseYaml(text).problems) {
          expect(line).toBeGreaterThan(0);
          expect(column).toBeGreaterThan(0);
        }
      },
    ),
    { numRuns: 1000 },
  );
});
