import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { connect } from '../../src/store/sqlite/driver.ts';
import { createTestClock } from '../support/clock.ts';
import { environmentOf, eventually, type Sandbox, SHELL_COMMAND } from '../support/command.ts';
import { registration } from '../support/events.ts';
import { runIn, sandboxHere } from '../support/here.ts';
import {
  type SurroundingsOptions,
  testSurroundings,
  type TestSurroundings,
} from '../support/surroundings.ts';
import { openTerminal, type Terminal } from '../support/terminal.ts';

const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';

/** Without a certificate the verdict is the same all the time. */
const VERDICT = 'does not work: no certificate is configured';

const TERMINAL = { columns: 100, rows: 40 };

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = sandboxHere('');
  await sandbox.run([], { input: registration() });
});
afterEach(() => {
  sandbox.remove();
});

interface Watching {
  around: TestSurroundings;
  /** Resolves as soon as what was written since the last such call contains the text. */
  shows: (text: string) => Promise<void>;
  /** Lets so much time pass once it sleeps. */
  pass: (ms: number) => Promise<void>;
  exitCode: Promise<number>;
}

/** `status --watch` in this process, by a clock of the test's. */
function watching(args: readonly string[], options: SurroundingsOptions = {}): Watching {
  const clock = createTestClock(Date.now());
  const env = { ...environmentOf(sandbox.configFile), TERM: 'xterm-256color' };
  const around = testSurroundings({ ...options, clock, env: { ...env, ...options.env } });
  const exitCode = runIn(around, ['status', '--watch', ...args]);
  onTestFinished(async () => {
    around.signal('SIGTERM');
    await exitCode;
  });
  let seen = 0;
  const shows = async (text: string): Promise<void> => {
    const written = await eventually(around.stdoutText, (all) => all.includes(text, seen));
    seen = written.indexOf(text, seen) + text.length;
  };
  const pass = async (ms: number): Promise<void> => {
    await clock.asleep();
    clock.advance(ms);
  };
  return { around, shows, pass, exitCode };
}

/** The lines of the last whole screen, without colours. */
function lastScreen(written: string, newline = '\n'): string[] {
  const screens = written.split('\u001b[H').filter((screen) => screen.includes('\u001b[J'));
  const text = (screens.at(-1) ?? '').replace(/\u001b\[J[^]*$/, '').replace(/\u001b\[\d*[mK]/g, '');
  return text.split(newline);
}

describe('--watch on a terminal', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'ends with %s, exit code 0, and the terminal as it was',
    async (name) => {
      const { around, shows, exitCode } = watching(['60'], { terminal: TERMINAL });
      await shows(ENTER);
      await shows(VERDICT);
      await shows('every 60 seconds; Ctrl-C ends');
      around.signal(name);
      expect(await exitCode).toBe(0);
      expect(around.stdoutText().endsWith(LEAVE)).toBe(true);
      expect(around.stdoutText().split(ENTER)).toHaveLength(2);
      expect(around.signal(name)).toBe(0);
    },
  );

  test('looks again', async () => {
    const { shows, pass } = watching(['1'], { terminal: TERMINAL });
    await shows('1, of 1 user');
    await sandbox.run([], { input: registration({ user: 'bob' }) });
    await pass(1000);
    await shows('2, of 2 users');
  });

  test('fits after the terminal has changed its size', async () => {
    const { around, shows } = watching(['60'], { terminal: TERMINAL });
    await shows('every 60 seconds');
    around.resize(40, 12);
    const lines = lastScreen(around.stdoutText());
    expect(lines).toHaveLength(12);
    expect(lines.filter((line) => line.length > 40)).toEqual([]);
  });

  test('gives the terminal back for Ctrl-Z, and takes it again', async () => {
    const { around, shows } = watching(['60'], { terminal: TERMINAL });
    await shows('every 60 seconds');
    around.signal('SIGTSTP');
    expect(around.stdoutText().endsWith(LEAVE)).toBe(true);
    expect(around.suspensions()).toBe(1);
    around.signal('SIGCONT');
    await shows(ENTER);
    await shows(VERDICT);
  });

  test('shows that the database cannot be used, until it can', async () => {
    const other = connect(sandbox.store);
    other.pragma('locking_mode = EXCLUSIVE');
    other.exec('BEGIN EXCLUSIVE; COMMIT');
    const { shows, pass } = watching(['1'], { terminal: TERMINAL });
    await shows('does not work: database ');
    await shows('is locked by another process');
    other.close();
    await pass(1000);
    await shows(VERDICT);
  });

  test('that cannot repaint shows one block after the other', async () => {
    const { around, shows, pass } = watching(['1'], { terminal: TERMINAL, env: { TERM: 'dumb' } });
    await shows(VERDICT);
    await pass(1000);
    await shows(`\n\n${VERDICT}`);
    expect(around.stdoutText()).not.toContain('\u001b');
  });
});

describe('a real terminal', () => {
  function opened(line: string): Terminal {
    const env = environmentOf(sandbox.configFile);
    const terminal = openTerminal(line, { cwd: sandbox.dir, env, rows: 40 });
    onTestFinished(() => {
      terminal.close();
    });
    return terminal;
  }

  test('has its whole screen filled at every size, and is as it was after Ctrl-C', async () => {
    const resize = '(until [ -e go ]; do sleep 0.05; done; stty cols 40 rows 12 < /dev/tty) &';
    const terminal = opened(`${resize} exec ${SHELL_COMMAND} status --watch 60`);
    await terminal.shows('every 60 seconds');
    writeFileSync(join(sandbox.dir, 'go'), '');
    // stty sets the columns, then the rows: there may be a screen between.
    await eventually(
      () => lastScreen(terminal.written(), '\r\n'),
      (lines) => lines.length === 12 && lines.every((line) => line.length <= 40),
    );
    terminal.type('\x03');
    const { output, exitCode } = await terminal.ended;
    expect([exitCode, output.replace('^C', '').endsWith(LEAVE)]).toEqual([0, true]);
  });

  test('is given back for Ctrl-Z, and taken again', async () => {
    const terminal = opened(`set -m; ${SHELL_COMMAND} status --watch 60; echo stopped; fg`);
    await terminal.shows('every 60 seconds');
    terminal.type('\x1a');
    await terminal.shows(LEAVE);
    await terminal.shows('stopped');
    await terminal.shows(ENTER);
    await terminal.shows(VERDICT);
    terminal.type('\x03');
    const { output, exitCode } = await terminal.ended;
    expect([exitCode, output.endsWith(LEAVE)]).toEqual([0, true]);
  });
});

describe('--watch in a pipe', () => {
  test('one block after the other, plain, until SIGINT', async () => {
    const { around, shows, pass, exitCode } = watching(['1']);
    await shows(VERDICT);
    await pass(1000);
    await shows(`\n\n${VERDICT}`);
    around.signal('SIGINT');
    expect(await exitCode).toBe(0);
    expect(around.stdoutText()).not.toContain('\u001b');
  });

  test('one JSON object a line', async () => {
    const { around, shows, pass } = watching(['1', '--json']);
    await shows('\n');
    await pass(1000);
    await shows('\n');
    for (const line of around.stdoutText().trimEnd().split('\n'))
      expect(JSON.parse(line)).toMatchObject({ targets: 1, verdict: { state: 'broken' } });
  });

  test('ends when nobody reads any more', async () => {
    const { shows, pass, exitCode } = watching(['1'], { failing: { code: 'EPIPE', after: 1 } });
    await shows(VERDICT);
    await pass(1000);
    expect(await exitCode).toBe(0);
  });
});
