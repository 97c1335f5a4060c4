import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { columnsOf } from '../../src/terminal/columns.ts';
import { factTable, growingTable, table } from '../../src/terminal/table.ts';

describe('table', () => {
  test('columns are as wide as their widest cell', () => {
    const rows = [
      ['alice', '1', ''],
      ['b', '22222', 'x'],
    ];
    expect(table(['USER', 'N', 'WHY'], rows)).toBe('USER   N      WHY\nalice  1\nb      22222  x\n');
  });

  test('names of any script keep the columns', () => {
    const rows = [
      ['山田太郎', '1'],
      ['Entwu\u0308rfe', '2'],
      ['📨 Mail', '3'],
      ['alice', '4'],
    ];
    expect(table(['USER', 'N'], rows)).toBe(
      ['USER      N', '山田太郎  1', 'Entwu\u0308rfe  2', '📨 Mail   3', 'alice     4', ''].join('\n'),
    );
  });

  test('a joiner is shown, as terminals do not agree about what it joins', () => {
    const rows = [
      ['\u{1f469}\u200d\u{1f4bb}', 'x'],
      ['alice', 'y'],
    ];
    expect(table(['USER', 'N'], rows)).toBe('USER        N\n👩\\u200d💻  x\nalice       y\n');
  });

  test('without rows there are the headings', () => {
    expect(table(['A', 'B'], [])).toBe('A  B\n');
  });

  test('every cell is in its column, and no line ends with a space', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', 'z', '0', 'ä', '山', '한', '📨'), maxLength: 12 });
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell, cell), { maxLength: 5 }), (rows) => {
        const headings = ['ONE', 'TWO', 'THREE'];
        const lines = table(headings, rows).split('\n');
        expect(lines.pop()).toBe('');
        const starts = headings.map((heading) => lines[0]?.indexOf(heading) ?? -1);
        for (const [index, row] of [headings, ...rows].entries()) {
          const line = lines[index] ?? '';
          expect(line).toBe(line.trimEnd());
          for (const [column, text] of row.entries())
            expect(between(line, starts[column], starts[column + 1]).trimEnd()).toBe(text);
        }
      }),
    );
  });

  test('rows that come later stand in columns that are as wide or wider', () => {
    const rowsOf = growingTable(['USER', 'N']);
    expect(rowsOf([['山田', '1']])).toBe('USER  N\n山田  1\n');
    expect(rowsOf([['太郎太郎', '2']])).toBe('太郎太郎  2\n');
    expect(rowsOf([['x', '3']])).toBe('x         3\n');
  });
});

describe('where the terminal is narrow', () => {
  test('a row goes on below, each cell under its heading', () => {
    const rows = [
      ['alice', '80aa34cb…4f3a', 'never', 'x'],
      ['山田太郎', '1f2e3d4c…2211', '3 days ago', ''],
    ];
    expect(table(['USER', 'TOKEN', 'SUCCESS', 'ERROR'], rows, 30).split('\n')).toEqual([
      'USER      TOKEN',
      '    SUCCESS     ERROR',
      'alice     80aa34cb…4f3a',
      '    never       x',
      '山田太郎  1f2e3d4c…2211',
      '    3 days ago',
      '',
    ]);
  });

  test('the last text is broken where it stands, as long as it has room', () => {
    const rows = [['alice', 'Apple cannot be reached at all']];
    expect(table(['USER', 'WHY'], rows, 30)).toBe(
      'USER   WHY\nalice  Apple cannot be reached\n       at all\n',
    );
    expect(
      factTable(
        [
          ['fix', 'open Mail on the phone'],
          ['', 'x'],
        ],
        20,
      ),
    ).toBe('fix  open Mail on\n     the phone\n     x\n');
  });

  test('no line is longer than the terminal, and nothing is left out', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', 'z', ' ', 'ä', '山', '📨'), maxLength: 60 });
    const row = fc.tuple(cell, cell, cell);
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 20, max: 90 }),
        (rows, columns) => {
          const text = table(['ONE', 'TWO', 'THREE'], rows, columns);
          for (const line of text.split('\n')) expect(columnsOf(line)).toBeLessThanOrEqual(columns);
          const letters = (all: string): string => Array.from(all.replace(/\s/g, '')).sort().join('');
          expect(letters(text)).toBe(letters(`ONETWOTHREE${rows.flat().join('')}`));
        },
      ),
    );
  });

  test('a row is painted line by line', () => {
    const rowsOf = growingTable(['A', 'B'], 14, (line, row) => `<${row}>${line}`);
    expect(
      rowsOf([
        ['aaaaaaaa', 'bbbbbbbb'],
        ['c', 'd'],
      ]),
    ).toBe('A\n    B\n<0>aaaaaaaa\n<0>    bbbbbbbb\n<1>c\n<1>    d\n');
  });
});

/** What stands in these columns of a line. */
function between(line: string, start = 0, end = Infinity): string {
  let column = 0;
  return Array.from(line)
    .filter((character) => {
      const at = column;
      column += columnsOf(character);
      return at >= start && at < end;
    })
    .join('');
}
