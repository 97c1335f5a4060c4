import { createContext } from '../../src/cli/context.ts';
import { createProgram } from '../../src/cli/run.ts';
import { testSurroundings } from './surroundings.ts';
import type { Command } from 'commander';

/** The program as it is called, with nothing behind its configuration. */
export function testProgram(): Command {
  return createProgram(
    createContext(
      testSurroundings(),
      () => undefined,
      () => undefined,
    ),
  );
}

/** What `--help` says, by the command's words: '' for the program, `devices list`. */
export function helpTexts(command = testProgram(), words: readonly string[] = []): Map<string, string> {
  const below = command.commands.map((each) => helpTexts(each, [...words, each.name()]));
  return new Map([[words.join(' '), command.helpInformation()], ...below.flatMap((texts) => [...texts])]);
}
