import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bold, escaped, macro, prose, tagged, verbatim } from '../../src/manual/roff.ts';
import { describeWithTools } from '../support/needs.ts';

describe('escaped', () => {
  const good = (input: string, want: string): void =>
    test(JSON.stringify(input), () => {
      expect(escaped(input)).toBe(want);
    });

  good('plain (text), with #1 & {2}', 'plain (text), with #1 & {2}');
  good('--dry-run', '\\-\\-dry\\-run');
  good('C:\\new', 'C:\\(rsnew');
  good(`it's "so" \`here\``, 'it\\(aqs \\(dqso\\(dq \\(gahere\\(ga');
  good('a^b~c', 'a\\(hab\\(tic');
  good('é … 📬', '\\[u00E9] \\[u2026] \\[u1F4EC]');
  good('a\nb\tc\x1b', 'a b c ');

  test('is printable ASCII, and tells everything but control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const roff = escaped(text);
        expect(roff).toMatch(/^[\x20-\x7e]*$/);
        expect(unescaped(roff)).toBe(text.replace(/\p{Cc}/gu, ' '));
      }),
    );
  });

  /** What groff_char(7) says of each. */
  const NAMED: Record<string, string> = { rs: '\\', aq: "'", dq: '"', ga: '`', ha: '^', ti: '~' };
  const unescaped = (roff: string): string =>
    roff.replace(/\\(?:-|\((..)|\[u([0-9A-F]+)\])/g, (_all, name?: string, code?: string) => {
      if (code !== undefined) return String.fromCodePoint(parseInt(code, 16));
      return name === undefined ? '-' : (NAMED[name] ?? '?');
    });
});

describe('lines', () => {
  test('a dot at the beginning of one is no request', () => {
    expect(verbatim(['.sp 3', "'sp 3", 'a.b'])).toEqual(['.EX', '\\&.sp 3', '\\(aqsp 3', 'a.b', '.EE']);
    expect(prose('.p8 is a file')).toEqual(['\\&.p8 is a file']);
    expect(prose(`${'long '.repeat(20)}.sock`).at(-1)).toMatch(/^long .*\.sock$|^\\&\.sock$/);
  });

  test('prose is folded where roff fills it, one sentence after the other', () => {
    const lines = prose(
      `Say \`--wait\` here. ${'Then a long sentence follows, and '.repeat(5)}ends e.g. so. \`x\` too.`,
    );
    expect(lines[0]).toBe('Say \\fB\\-\\-wait\\fR here.');
    expect(lines.at(-1)).toBe('\\fBx\\fR too.');
    for (const line of lines) expect(line.length).toBeLessThan(80);
    expect(lines.slice(1, -1).join(' ')).toBe(
      `${'Then a long sentence follows, and '.repeat(5)}ends e.g. so.`,
    );
  });

  test('macros quote arguments with spaces, and empty ones', () => {
    expect(macro('SH', 'SEE ALSO')).toBe('.SH "SEE ALSO"');
    expect(macro('TH', 'X', '1', '')).toBe('.TH X 1 ""');
    expect(tagged(bold('-x'), 'y')).toEqual(['.TP', '\\fB\\-x\\fR', 'y']);
  });
});

describeWithTools({ groff: 'groff-base' }, 'groff', () => {
  /** What a terminal would show, without bold and the like, page breaks and the header. */
  const shown = (lines: readonly string[]): string[] => {
    const page = ['.TH X 1 2000-01-01', '.pl 32000', '.ll 1000n', '.SH S', ...verbatim(lines)].join('\n');
    const output = execFileSync('groff', ['-man', '-ww', '-Tutf8', '-P-cbou'], {
      input: `${page}\n`,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const texts = output.split('\n');
    const first = texts.indexOf('S') + 1;
    return texts.slice(first, first + lines.length).map((line) => line.slice(7));
  };

  test('shows every line as it was', () => {
    const line = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 70 }).map((text) => `${text}|`);
    const nasty = fc.constantFrom(
      '.so /etc/passwd|',
      "'br|",
      '\\fBx|',
      '\\*(x|',
      '..|',
      '.\\"|',
      '"|',
      '\\|',
      '--|',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(line, nasty), { minLength: 20, maxLength: 60 }), (lines) => {
        expect(shown(lines)).toEqual(lines);
      }),
      { numRuns: 25 },
    );
  });
});
