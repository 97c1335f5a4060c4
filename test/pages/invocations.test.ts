import { CommanderError, type Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asksForVersion, callsHandle, parseHandleArguments } from '../../src/cli/handle-arguments.ts';
import { testProgram } from '../support/command-tree.ts';
import type { Sandbox } from '../support/command.ts';
import { sandboxHere } from '../support/here.ts';
import { type Invocation, invocationsIn } from './invocations.ts';
import { contentOf, PAGES } from './markdown.ts';

const INVOCATIONS = invocationsIn(PAGES.filter(({ file }) => !file.startsWith('test/')));

/** Each once, from a block where it stands in one. */
const DIFFERENT = [
  ...new Map(
    INVOCATIONS.toSorted((one, other) => Number(one.isInBlock) - Number(other.isInBlock)).map((each) => [
      each.words.join(' '),
      each,
    ]),
  ).entries(),
].map(([line, invocation]) => ({ line, ...invocation }));

/** What the program's own parser says against it; '' where it would begin. Nothing is done. */
function refusal(words: readonly string[]): string {
  try {
    if (callsHandle(words)) parseHandleArguments(words);
    else if (!asksForVersion(words)) withoutActions(testProgram()).parse(words, { from: 'user' });
    return '';
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return ''; // --help
    return String(error);
  }
}

function withoutActions(command: Command): Command {
  if (command.commands.length === 0) command.action(() => undefined);
  for (const each of command.commands) withoutActions(each);
  return command;
}

/** In prose `[USER]` and `FILE…` stand for what may be there, and a value for any. */
function isWhole({ words, isInBlock }: Invocation): boolean {
  return isInBlock || !words.some((word) => /[[\]…]|^[A-Z]{2,}$/.test(word));
}

test('there are command lines in the pages', () => {
  expect(DIFFERENT.length).toBeGreaterThan(50);
  expect(DIFFERENT.filter(isWhole).length).toBeGreaterThan(50);
});

test.each(DIFFERENT.filter(isWhole))('$file: xapplepush $line', ({ words, isInBlock }) => {
  // Prose names a command, such as `mock-apns`, also without what it cannot do without.
  if (isInBlock) expect(refusal(words)).toBe('');
  else expect(refusal(words)).toMatch(/^$|missing required argument|required option/);
});

test.each([
  [['devices', 'lst'], "unknown command 'lst'"],
  [['status', '--jsn'], "unknown option '--jsn'"],
  [['--wiat'], '--wiat'],
  [['devices', 'show'], 'missing required argument'],
  [['log', 'alice'], 'too many arguments'],
  [['completion', 'csh'], 'csh'],
])('%j would not pass', (words, message) => {
  expect(refusal(words)).toContain(message);
});

const HARMLESS =
  /^(?:--version|man|completion|status|log|devices list|outbox list|store show)\b(?!.*--(?:watch|follow))|^prune --older.*--dry-run/;

describe('what only looks, where a device has registered', () => {
  const looking = DIFFERENT.filter(isWhole).filter(({ line }) => HARMLESS.test(line));
  let sandbox: Sandbox;

  beforeAll(async () => {
    sandbox = sandboxHere('');
    const registration = contentOf('examples/events/registration.json');
    expect(await sandbox.run([], { input: registration })).toMatchObject({ exitCode: 0 });
  });

  afterAll(() => sandbox.remove());

  test('is in the pages', () => {
    expect(looking.length).toBeGreaterThan(15);
  });

  test.each(looking)('xapplepush $line: does it', async ({ words }) => {
    expect(await sandbox.run(words)).toMatchObject({ exitCode: 0, stderr: '' });
  });
});
