import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { connect } from '../../src/store/sqlite/driver.ts';
import {
  COMMAND,
  createSandbox,
  environmentOf,
  eventually,
  type Sandbox,
  SHELL_COMMAND,
} from '../support/command.ts';
import { registration } from '../support/events.ts';
import { openTerminal, type Terminal } from '../support/terminal.ts';

const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';

/** Without a certificate the verdict is the same all the time. */
const VERDICT = 'does not work: no certificate is configured';

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = createSandbox('');
  await sandbox.run([], { input: registration() });
});
afterEach(() => {
  sandbox.remove();
});

describe('--watch on a terminal', () => {
  /** The shell becomes the command, so that keys and signals go to it alone; its pid is in the file `pid`. */
  function watching(before = '', seconds = 60): Terminal {
    const line = `${before} echo $$ > pid; exec ${SHELL_COMMAND} status --watch ${seconds}`;
    const terminal = openTerminal(line, {
      cwd: sandbox.dir,
      env: environmentOf(sandbox.configFile),
      rows: 40,
    });
    onTestFinished(() => {
      terminal.close();
    });
    return terminal;
  }

  const signal = (name: NodeJS.Signals): void => {
    process.kill(Number(readFileSync(join(sandbox.dir, 'pid'), 'utf8')), name);
  };

  test('ends with Ctrl-C, exit code 0, and the terminal as it was', async () => {
    const terminal = watching();
    await terminal.shows(ENTER);
    await terminal.shows(VERDICT);
    await terminal.shows('every 60 seconds; Ctrl-C ends');
    terminal.type('\x03');
    const { output, exitCode } = await terminal.ended;
    expect(exitCode).toBe(0);
    expect(output.replace('^C', '').endsWith(LEAVE)).toBe(true);
    expect(output.split(ENTER)).toHaveLength(2);
  });

  test.each(['SIGTERM', 'SIGHUP'] as const)('ends with %s', async (name) => {
    const terminal = watching();
    await terminal.shows(VERDICT);
    signal(name);
    const { output, exitCode } = await terminal.ended;
    expect([exitCode, output.endsWith(LEAVE)]).toEqual([0, true]);
  });

  test('looks again', async () => {
    const terminal = watching('', 1);
    await terminal.shows('1 of 1 user');
    await sandbox.run([], { input: registration({ user: 'bob' }) });
    await terminal.shows('2 of 2 users');
    terminal.type('\x03');
    expect((await terminal.ended).exitCode).toBe(0);
  });

  test('fits after the terminal has changed its size', async () => {
    const terminal = watching('(until [ -e go ]; do sleep 0.05; done; stty cols 40 rows 12 < /dev/tty) & ');
    await terminal.shows('every 60 seconds');
    writeFileSync(join(sandbox.dir, 'go'), '');
    // stty sets the columns, then the rows: there may be a screen between.
    await eventually(
      () => lastScreen(terminal.written()),
      (lines) => lines.length === 12 && lines.every((line) => line.length <= 40),
    );
    terminal.type('\x03');
    expect((await terminal.ended).exitCode).toBe(0);
  });

  /** The lines of the last whole screen, without colours. */
  function lastScreen(written: string): string[] {
    const screens = written.split('\u001b[H').filter((screen) => screen.includes('\u001b[J'));
    const text = (screens.at(-1) ?? '').replace(/\u001b\[J[^]*$/, '').replace(/\u001b\[\d*[mK]/g, '');
    return text.split('\r\n');
  }

  test('gives the terminal back for Ctrl-Z, and takes it again', async () => {
    const line = `set -m; ${SHELL_COMMAND} status --watch 60; echo stopped; fg`;
    const terminal = openTerminal(line, {
      cwd: sandbox.dir,
      env: environmentOf(sandbox.configFile),
      rows: 40,
    });
    onTestFinished(() => {
      terminal.close();
    });
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

  test('shows that the database cannot be used, until it can', async () => {
    const other = connect(sandbox.store);
    other.pragma('locking_mode = EXCLUSIVE');
    other.exec('BEGIN EXCLUSIVE; COMMIT');
    const terminal = watching('', 1);
    await terminal.shows('cannot tell: ');
    await terminal.shows('is locked by another process');
    other.close();
    await terminal.shows(VERDICT);
    terminal.type('\x03');
    expect((await terminal.ended).exitCode).toBe(0);
  });
});

describe('--watch in a pipe', () => {
  function watching(...options: string[]): {
    child: ChildProcess;
    text: () => string;
    exitCode: Promise<unknown>;
  } {
    const child = spawn(COMMAND, ['status', '--watch', '1', ...options], {
      env: { PATH: '/usr/bin:/bin', ...environmentOf(sandbox.configFile) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (more: string) => (text += more));
    const exitCode = new Promise((resolve) => child.on('close', (code, name) => resolve(code ?? name)));
    return { child, text: () => text, exitCode };
  }

  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  test('one block after the other, plain, until SIGINT', async () => {
    const { child, text, exitCode } = watching();
    await until(() => text().split(VERDICT).length > 3);
    child.kill('SIGINT');
    expect(await exitCode).toBe(0);
    expect(text()).not.toContain('\u001b');
    expect(text()).toContain('\n\ndoes not work');
  });

  test('one JSON object a line', async () => {
    const { child, text, exitCode } = watching('--json');
    await until(() => text().split('\n').length > 2);
    child.kill('SIGINT');
    expect(await exitCode).toBe(0);
    for (const line of text().trimEnd().split('\n'))
      expect(JSON.parse(line)).toMatchObject({ targets: 1, verdict: { state: 'broken' } });
  });

  test('ends when nobody reads any more', async () => {
    const { child, text, exitCode } = watching();
    await until(() => text().includes(VERDICT));
    child.stdout?.destroy();
    expect(await exitCode).toBe(0);
  });
});
