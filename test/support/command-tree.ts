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
