import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { columnsOf } from '../../src/terminal/columns.ts';
import { growingTable, table } from '../../src/terminal/table.ts';

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
