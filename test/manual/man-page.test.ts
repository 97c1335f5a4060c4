import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commandTree, everyCommand } from '../../src/manual/command-tree.ts';
import { configurationKeys } from '../../src/manual/configuration-keys.ts';
import { manPage } from '../../src/manual/man-page.ts';
import { ENVIRONMENT, SIGNALS } from '../../src/manual/page-words.ts';
import { bold, escaped } from '../../src/manual/roff.ts';
import { testProgram } from '../support/command-tree.ts';
import { describeWithTools } from '../support/needs.ts';

const program = commandTree(testProgram());
const keys = configurationKeys(readFileSync('examples/config.yaml', 'utf8'));
const page = manPage({ program, keys, version: '1.2.3', date: '2026-01-31' });

/** The lines of a section, or of a part of one. */
function partOf(macro: 'SH' | 'SS', title: string): string[] {
  const quoted = title.includes(' ') ? `"${title}"` : title;
  const lines = page.split('\n');
  const from = lines.indexOf(`.${macro} ${quoted}`) + 1;
  expect(from, title).toBeGreaterThan(0);
  const length = lines.slice(from).findIndex((line) => /^\.S[HS] /.test(line));
  return lines.slice(from, length < 0 ? undefined : from + length);
}

function run(command: string, args: string[], input: string): { status: number | null; said: string } {
  const { status, stdout, stderr, error } = spawnSync(command, args, { input, encoding: 'utf8' });
  if (error) throw error;
  return { status, said: command === 'groff' ? stderr : stdout + stderr };
}

test('the sections, in the order of man-pages(7)', () => {
  const titles = [...page.matchAll(/^\.SH "?([^"\n]+)/gm)].map(([, title]) => title);
  expect(titles).toEqual([
    ...['NAME', 'SYNOPSIS', 'DESCRIPTION', 'OPTIONS', 'COMMANDS', 'CONFIGURATION', 'FILES', 'ENVIRONMENT'],
    ...['SIGNALS', 'EXIT STATUS', 'EXAMPLES', 'SEE ALSO'],
  ]);
  expect(page).toMatch(/^\.TH XAPPLEPUSH 1 2026-01-31 "xapplepush 1\.2\.3"$/m);
});

describe('commands', () => {
  const commands = everyCommand(program).slice(1);

  test.each(commands)(
    '$words: form, options, examples',
    ({ words, options, explanation, commands: below }) => {
      const part = partOf('SS', escaped(words.join(' '))).join('\n');
      const form = bold(['xapplepush', ...words].join(' '));
      expect(part.startsWith(form)).toBe(true);
      for (const { names } of options) expect(part).toContain(`\n.TP\n${names.map(bold).join(', ')}`);
      for (const [line] of explanation.examples) expect(part).toContain(`\n.EX\n${escaped(line)}\n.EE`);
      if (below.length === 0)
        expect(partOf('SH', 'SYNOPSIS').some((line) => line.startsWith(form))).toBe(true);
    },
  );

  test('hidden ones are not told', () => {
    expect(page).not.toContain('deliverer');
  });
});

test('every key of the configuration, with its default', () => {
  const part = partOf('SH', 'CONFIGURATION').join('\n');
  for (const { key, expected } of keys)
    expect(part).toContain(`\n.TP\n${bold(expected === undefined ? `${key}:` : key)}\n`);
  expect(part).toMatch(/\\fBdelivery\.linger\\fR\n(?:[^.].*\n)+\.br\nValue: .*\n?.*Default: \\fB10s\\fR\./);
});

test('every variable of the environment that the program reads', () => {
  const files = ['src', 'bin'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => folder === 'bin' || name.endsWith('.ts'))
      .map((name) => readFileSync(join(folder, name), 'utf8')),
  );
  const read = files.flatMap((text) => [
    ...(text.match(/\bXAPPLEPUSH_[A-Z]+\b/g) ?? []),
    ...[...text.matchAll(/(?:env|environment)\['(\w+)'\]/g)].map(([, name = '']) => name),
  ]);
  const told = ENVIRONMENT.flatMap(([names]) => names.split(', '));
  expect(told).toEqual(expect.arrayContaining([...new Set(read)].filter((name) => name !== 'PATH')));
});

test('every signal that serve listens to', () => {
  const handled = readFileSync('src/serve/serving.ts', 'utf8').match(/(?<=')SIG[A-Z]+(?=')/g) ?? [];
  expect(SIGNALS.flatMap(([names]) => names.split(', ')).sort()).toEqual([...new Set(handled)].sort());
});

describeWithTools({ groff: 'groff-base' }, 'groff', () => {
  const args = ['-man', '-ww', '-Tutf8', '-z'];

  test('has nothing to say of the page', () => {
    expect(run('groff', args, page)).toEqual({ status: 0, said: '' });
  });

  test('would tell a mistake', () => {
    expect(run('groff', args, `${page}.nonsense\n`).said).toContain('nonsense');
  });
});

describeWithTools({ mandoc: 'mandoc' }, 'mandoc', () => {
  test('has nothing to say of the page', () => {
    expect(run('mandoc', ['-Tlint'], page)).toEqual({ status: 0, said: '' });
  });

  test('would tell a mistake', () => {
    expect(run('mandoc', ['-Tlint'], `${page}.nonsense\n`).said).toContain('nonsense');
  });
});
