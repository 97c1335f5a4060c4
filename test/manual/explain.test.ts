import type { Command, Option } from 'commander';
import { describe, expect, test } from 'vitest';
import { callsHandle, parseHandleArguments } from '../../src/cli/handle-arguments.ts';
import { explanationOf } from '../../src/manual/explain.ts';
import { testProgram } from '../support/command-tree.ts';

const program = testProgram();

/** Every command that people see, with its words. */
function visible(command: Command, words: readonly string[]): [string, Command][] {
  const own = command
    .createHelp()
    .visibleCommands(command)
    .filter((each) => each.name() !== 'help');
  return [[words.join(' '), command], ...own.flatMap((each) => visible(each, [...words, each.name()]))];
}

const COMMANDS = visible(program, ['xapplepush']);
const takesValue = ({ required, optional }: Option): boolean => required || optional;

describe('every command explains itself', () => {
  test('those that there are', () => {
    expect(COMMANDS.map(([words]) => words)).toEqual(
      expect.arrayContaining(['xapplepush', 'xapplepush devices', 'xapplepush devices list']),
    );
  });

  test.each(COMMANDS)('%s: by a description and by examples, each with what it does', (_words, command) => {
    expect(command.description()).toMatch(/\w{3}/);
    const { examples, notes = [] } = explanationOf(command) ?? { examples: [] };
    expect(examples).not.toEqual([]);
    for (const text of [...examples.flat(), ...notes]) expect(text).toMatch(/\S/);
  });

  test.each(COMMANDS)('%s: its help shows the examples', (_words, command) => {
    let help = '';
    command.configureOutput({ writeOut: (text) => (help += text) });
    command.outputHelp();
    expect(help).toMatch(/^Examples:\n {2}\S.*\n {6}\S/m);
    for (const [line, does] of explanationOf(command)?.examples ?? [])
      expect(help).toContain(`  ${line}\n      ${does}\n`);
  });

  test.each(COMMANDS)('%s: each option has words, and one with a value its default', (_words, command) => {
    for (const option of command.options) {
      const { description, flags } = option;
      expect(description, flags).toMatch(/\w{3}/);
      const isSaid = option.mandatory || option.defaultValue !== undefined;
      if (takesValue(option) && !isSaid) expect(description, flags).toMatch(/default|else|ignored/);
    }
  });

  test.each(COMMANDS)('%s: a duration is shown with its unit, an argument with words', (_words, command) => {
    for (const { flags, description } of command.options)
      if (flags.includes('<duration>')) expect(description, flags).toMatch(/\b\d+[smhd]\b/);
    for (const argument of command.registeredArguments)
      expect(argument.description, argument.name()).toMatch(/\w{3}/);
  });
});

describe('the examples', () => {
  const lines = COMMANDS.flatMap(([, command]) => explanationOf(command)?.examples ?? []).map(
    ([line]) => line,
  );
  // cyrus.conf calls it in quotes: cmd="/usr/bin/xapplepush prune".
  const CALL = /(?<=^|[ "/])xapplepush (?!cmd=)((?:'[^']*'|[^'"|&>])*)/;
  const calls = lines.flatMap((line) => CALL.exec(line)?.[1] ?? []);

  /** The commands of a tree of its own do nothing. */
  function rehearsal(): Command {
    const root = testProgram();
    for (const [, command] of visible(root, [])) command.configureOutput({ outputError: () => undefined });
    for (const [, command] of visible(root, []))
      if (command.commands.length === 0) command.action(() => undefined);
    return root;
  }

  const words = (call: string): string[] =>
    (call.replace(/<.*/, '').match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ''));

  async function understand(call: string): Promise<void> {
    if (callsHandle(words(call))) parseHandleArguments(words(call));
    else await rehearsal().parseAsync(words(call), { from: 'user' });
  }

  test.each(calls)('xapplepush %s is understood', async (call) => {
    await expect(understand(call)).resolves.toBeUndefined();
  });

  test('are nearly all of them calls, and a wrong one would be told', async () => {
    expect(calls.length).toBeGreaterThan(lines.length * 0.9);
    await expect(understand('targets list --usr alice')).rejects.toThrow('unknown option');
    await expect(understand('--nonsense < event.json')).rejects.toThrow('unknown argument');
  });
});
