import type { Paint } from '../terminal/terminal.ts';
import { jsonOf } from './json.ts';
import { linesOf } from './layout.ts';
import type { Look } from './look.ts';
import { rowsOf } from './screen.ts';
import { safeJson } from '../process/safe-json.ts';

/** Where the frames of a watch go. */
export interface Display {
  /** Takes the terminal, as the first thing and again after a `close`. */
  open(): void;
  show(look: Look): void;
  /** Leaves the terminal as it was before. */
  close(): void;
}

/** What a terminal is to us: process.stdout. */
export interface Terminal {
  readonly columns: number;
  readonly rows: number;
  write(text: string): unknown;
  on(event: 'resize', listener: () => void): unknown;
  off(event: 'resize', listener: () => void): unknown;
}

type Output = (text: string) => void;

/** One JSON object a line. */
export function jsonLines(out: Output): Display {
  return lasting((look) => out(`${safeJson(jsonOf(look))}\n`));
}

/** One block after the other, with an empty line between them. */
export function blocks(out: Output, paint: Paint): Display {
  let isFirst = true;
  return lasting((look) => {
    const lines = linesOf(rowsOf(look), { paint });
    out(`${isFirst ? '' : '\n'}${lines.join('\n')}\n`);
    isFirst = false;
  });
}

function lasting(show: Display['show']): Display {
  return { open: () => undefined, show, close: () => undefined };
}

/** DEC private modes of xterm: the alternate screen, and whether the cursor is seen. */
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';

/** ECMA-48: the cursor goes home; the rest of a line, and of the screen, is erased. */
const HOME = '\u001b[H';
const ERASE_LINE = '\u001b[K';
const ERASE_BELOW = '\u001b[J';

/** Repaints the alternate screen in place, and leaves what was on the terminal as it was. */
export function repainted(terminal: Terminal, paint: Paint, every: string): Display {
  let latest: Look | undefined;
  const repaint = (): void => {
    if (latest === undefined) return;
    const lines = [...linesOf(rowsOf(latest), { paint, columns: terminal.columns }), '', ''];
    const foot = paint(`every ${every}; Ctrl-C ends`.slice(0, terminal.columns), 'dim');
    const fitting = [...lines.slice(0, terminal.rows - 1), foot].slice(-terminal.rows);
    terminal.write(`${HOME}${fitting.map((line) => `${line}${ERASE_LINE}`).join('\n')}${ERASE_BELOW}`);
  };
  let isOpen = false;
  return {
    open: () => {
      if (isOpen) return;
      isOpen = true;
      terminal.write(ENTER);
      terminal.on('resize', repaint);
      repaint();
    },
    show: (look) => {
      latest = look;
      if (isOpen) repaint();
    },
    close: () => {
      if (!isOpen) return;
      isOpen = false;
      terminal.off('resize', repaint);
      terminal.write(LEAVE);
    },
  };
}
