import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { canAsk, confirm, page, painter, wantsColour } from '../../src/terminal/terminal.ts';
import { temporaryFolder } from '../support/store.ts';
import { testSurroundings } from '../support/surroundings.ts';

const TERMINAL = { columns: 80, rows: 5 };

describe('wantsColour', () => {
  test.each<[boolean, NodeJS.ProcessEnv, boolean]>([
    [true, {}, true],
    [true, { NO_COLOR: '' }, true],
    [true, { NO_COLOR: '1' }, false],
    [true, { TERM: 'dumb' }, false],
    [false, {}, false],
  ])('terminal %s, %j: %s', (isTerminal, env, want) => {
    const { stdout } = testSurroundings(isTerminal ? { terminal: TERMINAL } : {});
    expect(wantsColour({ stdout, env })).toBe(want);
  });
});

test('painter paints, or leaves the text as it is', () => {
  expect(painter(true)('bad', 'red')).toBe('\u001b[31mbad\u001b[39m');
  expect(painter(false)('bad', 'red')).toBe('bad');
});

describe('a question', () => {
  test.each([
    ['y\n', true],
    ['  YES \n', true],
    ['n\n', false],
    ['\n', false],
    ['yesterday\n', false],
  ])('%j: %s', async (keys, want) => {
    const around = testSurroundings({ terminal: TERMINAL });
    const answer = confirm('Really?', around);
    around.type(keys);
    expect(await answer).toBe(want);
    expect(around.stderrText()).toContain('Really? [y/N] ');
    expect(around.stdoutText()).toBe('');
  });

  test('whose answer never comes, since the input ends, is answered with no', async () => {
    const around = testSurroundings({ terminal: TERMINAL });
    const answer = confirm('Really?', around);
    around.stdin.emit('end');
    expect(await answer).toBe(false);
  });

  test('is for a person on a terminal only', () => {
    const { stdin, stderr } = testSurroundings({ terminal: TERMINAL });
    const pipes = testSurroundings();
    expect(canAsk({ stdin, stderr })).toBe(true);
    expect(canAsk({ stdin: pipes.stdin, stderr })).toBe(false);
    expect(canAsk({ stdin, stderr: pipes.stderr })).toBe(false);
  });
});

describe('a page', () => {
  const LINES = Array.from({ length: 9 }, (_, n) => `line ${n}\n`);

  /** What is shown of it, and what the pager was given where it was called. */
  async function paged(
    text: Parameters<typeof page>[0],
    pager = (file: string) => `cat > '${file}'`,
  ): Promise<{ shown: string; pagedText: string | undefined }> {
    const file = join(temporaryFolder(), 'paged');
    const env = { PATH: '/usr/bin:/bin', PAGER: pager(file) };
    const around = testSurroundings({ env, terminal: TERMINAL });
    await page(text, around);
    expect(around.signal('SIGINT')).toBe(0);
    return {
      shown: around.stdoutText(),
      pagedText: existsSync(file) ? readFileSync(file, 'utf8') : undefined,
    };
  }

  test('that is longer than the terminal goes through the pager', async () => {
    const text = LINES.join('');
    expect(await paged(text)).toEqual({ shown: '', pagedText: text });
  });

  test('that fits, or is for no terminal, does not', async () => {
    const short = LINES.slice(0, 4).join('');
    expect(await paged(short)).toEqual({ shown: short, pagedText: undefined });
    const long = LINES.join('');
    const piped = testSurroundings({ env: { PAGER: 'false' } });
    await page(long, piped);
    expect(piped.stdoutText()).toBe(long);
  });

  test.each(['', 'no-such-pager -x'])('is shown as it is where the pager is %j', async (pager) => {
    const text = LINES.join('');
    expect(await paged(text, () => pager)).toEqual({ shown: text, pagedText: undefined });
  });

  test('of pieces is asked for no more than somebody reads', async () => {
    let asked = 0;
    async function* endless(): AsyncGenerator<string> {
      for (;;) {
        asked += 1;
        yield await Promise.resolve(`${'x'.repeat(10_000)}\n`);
      }
    }
    const { shown, pagedText } = await paged(endless(), (file) => `head -n 1 > '${file}'`);
    expect([shown, pagedText?.length]).toEqual(['', 10_001]);
    expect(asked).toBeLessThan(1000);
  });
});
