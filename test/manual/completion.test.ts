import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { describe, expect, test } from 'vitest';
import { commandTree } from '../../src/manual/command-tree.ts';
import { completables } from '../../src/manual/completion.ts';
import { completionScript } from '../../src/manual/manual.ts';
import { testProgram } from '../support/command-tree.ts';
import { temporaryFolder } from '../support/store.ts';
import { openTerminal } from '../support/terminal.ts';
import { describeWithTools } from '../support/needs.ts';

type Shell = 'bash' | 'zsh' | 'fish';

const TREE = completables(commandTree(testProgram()));

/** What the shell offers for the end of each line, in a folder with `mail.p12`, `more.pem` and the folder `morgue`. */
type Complete = (lines: readonly string[], program?: Command) => Promise<string[][]> | string[][];

const CASES: { line: string; offered: string[]; not?: string[] }[] = [
  { line: 'xapplepush dev', offered: ['devices'], not: ['handle'] },
  { line: 'xapplepush devices ', offered: ['list', 'show', 'remove'], not: ['status', 'mail.p12'] },
  { line: 'xapplepush devices list --us', offered: ['--user'] },
  { line: 'xapplepush devices list --user devices --js', offered: ['--json'] },
  { line: 'xapplepush devices list --user ', offered: [], not: ['mail.p12', 'list', '--json'] },
  { line: 'xapplepush --config mail.p12 devices sh', offered: ['show'] },
  { line: 'xapplepush devices list --conf', offered: ['--config'] },
  { line: 'xapplepush --config m', offered: ['mail.p12', 'more.pem'] },
  { line: 'xapplepush --w', offered: ['--wait'] },
  { line: 'xapplepush completion ', offered: ['bash', 'fish', 'zsh'], not: ['mail.p12'] },
  { line: 'xapplepush cert show ma', offered: ['mail.p12'], not: ['more.pem'] },
  { line: 'xapplepush cert import mail.p12 --to mo', offered: ['morgue'], not: ['more.pem'] },
  { line: 'xapplepush devices show ', offered: [], not: ['mail.p12', 'list'] },
  { line: 'xapplepush push show --mail', offered: ['--mailbox'] },
  { line: 'xapplepush prune --older-than ', offered: [], not: ['mail.p12'] },
];

function folderFor(shell: Shell, program = testProgram()): string {
  const folder = temporaryFolder();
  for (const name of ['mail.p12', 'more.pem']) writeFileSync(join(folder, name), '');
  mkdirSync(join(folder, 'morgue'));
  writeFileSync(join(folder, 'completion'), completionScript(program, shell));
  writeFileSync(join(folder, 'xapplepush'), KNOWS_USERS, { mode: 0o755 });
  return folder;
}

/** Stands for the program, as far as the scripts ask it. */
const KNOWS_USERS = `#!/bin/sh
[ "$*" = "devices users -- al" ] && printf 'alice\\nalina@example.org\\n'
`;

function holds(complete: Complete): void {
  test('what can follow, and nothing that cannot', async () => {
    const offered = await complete(CASES.map(({ line }) => line));
    for (const [index, { line, offered: wanted, not = [] }] of CASES.entries()) {
      const names = (offered[index] ?? []).map((name) => name.replace(/\/$/, ''));
      expect(names, line).toEqual(expect.arrayContaining(wanted));
      for (const name of not) expect(names, line).not.toContain(name);
      if (wanted.length === 1) expect([...new Set(names)], line).toEqual(wanted);
    }
  });

  test('every command and every option of the tree', async () => {
    const asked = TREE.flatMap(({ words, commands, options }) => {
      const line = `${['xapplepush', ...words].join(' ')} `;
      const long = options.flatMap(({ names }) => names.filter((name) => name.startsWith('--')));
      return [
        { line: `${line}--`, wanted: long },
        ...(commands.length > 0 ? [{ line, wanted: commands.map(({ name }) => name) }] : []),
      ];
    });
    const offered = await complete(asked.map(({ line }) => line));
    for (const [index, { line, wanted }] of asked.entries())
      expect([...new Set(offered[index])].sort(), line).toEqual([...wanted].sort());
  });

  test('the users who have devices', async () => {
    const lines = [
      'devices show al',
      'devices list --user al',
      'outbox discard al',
      'push al',
      'devices show z',
    ];
    const offered = await complete(lines.map((line) => `xapplepush ${line}`));
    const users = ['alice', 'alina@example.org'];
    expect(offered.map((names) => [...names].sort())).toEqual([users, users, users, users, []]);
  });

  test('words with a meaning in the shell, and a closed list of values', async () => {
    const words = `it's "so" [a]: b\\c $HOME \`id\` (x) <y> {z} !1 *~#;&|% 100%s`;
    const program = new Command('xapplepush').description(words).option('--free <text>', words);
    program.command('odd-one').description(words).option('--flag', words);
    const sort = new Option('-s, --sort <by>', words).choices(['user', 'renewed']);
    program.command('list').description(words).addOption(sort).argument('<file>', words);
    const after = ['', 'odd-one --f', 'list --sort ', 'list -s user mai'];
    const lines = after.map((text) => `xapplepush ${text}`);
    const offered = await complete(lines, program);
    expect(offered.map((names) => [...new Set(names)].sort())).toEqual([
      ['list', 'odd-one'],
      ['--flag', '--free'],
      ['renewed', 'user'],
      ['mail.p12'],
    ]);
  });
}

describe('bash', () => {
  /** The words as readline hands them over: = is a word of its own. */
  const complete: Complete = (lines, program) => {
    const calls = lines.map((line) => {
      const words = line.split(/ |(?==)|(?<==)/).map((word) => `'${word}'`);
      return `COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; _xapplepush; echo "\${COMPREPLY[*]}"`;
    });
    const script = ['set -u', 'source ./completion', 'IFS=,', ...calls].join('\n');
    const cwd = folderFor('bash', program);
    const env = { PATH: `${cwd}:/usr/bin:/bin` };
    const said = execFileSync('bash', ['--norc', '-c', script], { cwd, env, encoding: 'utf8' });
    const answers = said.split('\n').slice(0, -1);
    expect(answers).toHaveLength(lines.length);
    return answers.map((answer) => answer.split(',').filter(Boolean));
  };
  holds(complete);

  test('the value after an equals sign', async () => {
    expect(
      await complete(['xapplepush cert show --passphrase-file=ma', 'xapplepush --config=x devices l']),
    ).toEqual([['mail.p12'], ['list']]);
  });

  test('at the Tab key', async () => {
    const env = { PS1: 'ready> ', INPUTRC: '/dev/null' };
    const terminal = openTerminal('exec bash --norc --noprofile -i', { cwd: folderFor('bash'), env });
    await terminal.shows('ready> ');
    terminal.type('source ./completion\r');
    await terminal.shows('ready> ');
    terminal.type('xapplepush devices rem\t');
    await terminal.shows('remove ');
    terminal.type('ali\x15xapplepush cert show mai\t');
    await terminal.shows('mail.p12 ');
    terminal.type('\x15exit\r');
    expect((await terminal.ended).exitCode).toBe(0);
  });
});

describeWithTools({ fish: 'fish' }, 'fish', () => {
  holds((lines, program) => {
    const folder = folderFor('fish', program);
    const calls = lines.map((line) => `complete -C '${line}'; echo END`);
    const said = execFileSync('fish', ['-N', '-c', ['source ./completion', ...calls].join('\n')], {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: `${folder}:/usr/bin:/bin`, HOME: folder },
    });
    return said
      .split('END\n')
      .slice(0, -1)
      .map((answer) => answer.split('\n').flatMap((each) => each.split('\t')[0] || []));
  });
});

describeWithTools({ zsh: 'zsh' }, 'zsh', () => {
  /** Writes down what completion functions add, and adds it; those calls that only filter go through as they are. */
  const SETUP = `
    autoload -Uz compinit && compinit -u -D
    source ./completion
    compadd() {
      local -a hits
      if (( ! \${@[(I)-[OAD]*]} )); then
        builtin compadd -A hits "$@"
        print -rl -- $hits >> offered
      fi
      builtin compadd "$@"
    }
    PS1='ready> '
  `;

  holds(async (lines, program) => {
    const cwd = folderFor('zsh', program);
    writeFileSync(join(cwd, 'setup'), SETUP);
    writeFileSync(join(cwd, 'offered'), '');
    const env = { PATH: `${cwd}:/usr/bin:/bin`, HOME: cwd, ZDOTDIR: cwd };
    const terminal = openTerminal('exec zsh -f -i', { cwd, env, columns: 200 });
    terminal.type('source ./setup\r');
    await terminal.shows('ready> ');
    for (const line of lines) {
      terminal.type(`${line}\t\x15echo END >> offered; echo done$((1+1))\r`);
      await terminal.shows('done2');
      await terminal.shows('ready> ');
    }
    terminal.type('exit\r');
    await terminal.ended;
    return readFileSync(join(cwd, 'offered'), 'utf8')
      .split('END\n')
      .slice(0, -1)
      .map((answer) => answer.split('\n').filter(Boolean));
  });
});
