import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { OperatorError } from '../../src/process/errors.ts';
import { watchSeconds } from '../../src/status/command.ts';
import { blocks, type Display, jsonLines, repainted, type Terminal } from '../../src/status/display.ts';
import type { Look } from '../../src/status/look.ts';
import { verdictOfTrouble } from '../../src/status/verdict.ts';
import { watchStatus } from '../../src/status/watch.ts';
import { painter } from '../../src/terminal/terminal.ts';
import { createTestClock } from '../support/clock.ts';
import { healthy, withTargets } from '../support/status.ts';
import { NOW_MS } from '../support/store.ts';

const plain = painter(false);

/** A terminal that keeps what was written, and can be resized. */
class Screen extends EventEmitter implements Terminal {
  columns: number;
  rows: number;
  #written = '';

  constructor(columns: number, rows: number) {
    super();
    this.columns = columns;
    this.rows = rows;
  }

  write(text: string): void {
    this.#written += text;
  }

  /** What was written since the last call. */
  written(): string {
    const written = this.#written;
    this.#written = '';
    return written;
  }

  resize(columns: number, rows: number): void {
    this.columns = columns;
    this.rows = rows;
    this.emit('resize');
  }
}

/** Looks as often as there are answers, then ends. */
async function watched(display: Display, answers: readonly (Look | Error)[]): Promise<void> {
  const clock = createTestClock(NOW_MS);
  const ending = new AbortController();
  let looks = 0;
  const look = (): Promise<Look> => {
    const answer = answers[looks];
    looks += 1;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer!);
  };
  const watching = watchStatus({ look, display, intervalMs: 2000, clock, signal: ending.signal });
  for (let wait = 1; wait < answers.length; wait += 1) {
    expect(await clock.asleep()).toBe(2000);
    clock.advance(2000);
  }
  if (!(answers.at(-1) instanceof TypeError)) await clock.asleep();
  ending.abort();
  await watching;
  expect(looks).toBe(answers.length);
}

const LOCKED: Look = {
  nowMs: NOW_MS + 2000,
  verdict: verdictOfTrouble(
    new OperatorError('the database is locked', { exitCode: 75, hint: 'look for who holds it' }),
  ),
  spool: { waiting: 2, oldestMs: NOW_MS, bad: 0, newestBad: undefined },
};

describe('in a pipe', () => {
  test('one block after the other, and what stood in the way', async () => {
    let written = '';
    await watched(
      blocks((text) => (written += text), plain),
      [healthy(), LOCKED, withTargets({ targets: 0 })],
    );
    const [first, , second, , third, ...rest] = written.split('\n\n');
    expect([first, second, third]).toEqual(
      [
        'works',
        'does not work: the database is locked; fix: look for who holds it',
        'does not work: no device is registered any more',
      ].map((line) => expect.stringContaining(line) as string),
    );
    expect(rest).toHaveLength(1);
    expect(written).toMatch(/[^\n]\n$/);
  });

  test('one JSON object a line', async () => {
    let written = '';
    await watched(
      jsonLines((text) => (written += text)),
      [healthy(), LOCKED],
    );
    const objects = written
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(objects).toMatchObject([
      { verdict: { state: 'works' }, targets: 3 },
      { at: '2023-11-14T22:13:22Z', verdict: { state: 'broken' }, spool: { waiting: 2 } },
    ]);
  });
});

describe('on a terminal', () => {
  const ENTER = '\u001b[?1049h\u001b[?25l';
  const LEAVE = '\u001b[?25h\u001b[?1049l';

  /** The lines of the last frame, as they stand on the screen. */
  function frame(screen: Screen): string[] {
    const written = screen.written();
    return written
      .slice(written.lastIndexOf('\u001b[H') + 3)
      .replace(/\u001b\[J.*$/s, '')
      .split('\n')
      .map((line) => line.replace(/\u001b\[K$/, ''));
  }

  test('the screen is borrowed and given back', async () => {
    const screen = new Screen(80, 24);
    await watched(repainted(screen, plain, '2 seconds'), [healthy(), healthy()]);
    const written = screen.written();
    expect(written.startsWith(`${ENTER}\u001b[H`)).toBe(true);
    expect(written.endsWith(`\u001b[J${LEAVE}`)).toBe(true);
    expect(written.split(ENTER)).toHaveLength(2);
    expect(screen.listenerCount('resize')).toBe(0);
  });

  test('it is given back where a fault of ours ends the watch', async () => {
    const screen = new Screen(80, 24);
    await expect(watched(repainted(screen, plain, '2 seconds'), [new TypeError('bug')])).rejects.toThrow(
      'bug',
    );
    expect(screen.written()).toBe(`${ENTER}${LEAVE}`);
  });

  test.each([
    [80, 24],
    [40, 24],
    [25, 5],
    [120, 3],
    [80, 1],
  ])('a frame fits on %i x %i', (columns, rows) => {
    const screen = new Screen(columns, rows);
    const display = repainted(screen, plain, '2 seconds');
    display.open();
    display.show(healthy());
    const lines = frame(screen);
    expect(lines.length).toBeLessThanOrEqual(rows);
    expect(lines.at(-1)).toBe('every 2 seconds; Ctrl-C ends'.slice(0, columns));
    if (columns >= 40) for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
    display.close();
  });

  test('it is painted anew when its size changes, without another look', () => {
    const screen = new Screen(200, 24);
    const display = repainted(screen, plain, '2 seconds');
    display.open();
    screen.resize(150, 24);
    expect(screen.written()).toBe(ENTER);
    display.show(healthy());
    const wide = frame(screen);
    screen.resize(40, 40);
    expect(frame(screen).length).toBeGreaterThan(wide.length);
    display.close();
    screen.written();
    screen.resize(80, 24);
    display.show(healthy());
    expect(screen.written()).toBe('');
    display.open();
    display.open();
    expect(screen.written().split(ENTER)).toHaveLength(2);
    display.close();
    display.close();
    expect(screen.written()).toBe(LEAVE);
  });
});

test('--watch takes whole seconds', () => {
  expect([undefined, true, '1', '60', '86400'].map((value) => watchSeconds(value as '1'))).toEqual([
    undefined,
    2,
    1,
    60,
    86_400,
  ]);
  for (const bad of ['0', '-1', '1.5', '2s', '', '86401', '1e3'])
    expect(() => watchSeconds(bad), bad).toThrow(expect.objectContaining({ exitCode: 64 }) as Error);
});
