import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { parseTranscript, playCommand } from './transcript.ts';

const place = { cwd: tmpdir(), env: {} };

async function played(text: string): Promise<string> {
  const texts: string[] = [];
  for (const part of parseTranscript(text))
    if (part.kind === 'command') texts.push(await playCommand(part, place));
  return texts.join('');
}

describe('parts of a transcript', () => {
  test('comments, settings and commands, each without what it showed', () => {
    const text =
      '# a comment\n\n@ config a: 1\n$ one\nsaid\n! complained\n\n[exit 0]\n40x10% two\n  after "[y/N]" type "y\\r"\n# said\n[exit 64]\n';
    expect(parseTranscript(text)).toEqual([
      { kind: 'text', line: '# a comment' },
      { kind: 'text', line: '' },
      { kind: 'setting', name: 'config', value: 'a: 1' },
      { kind: 'command', title: '$ one', line: 'one' },
      {
        kind: 'command',
        title: '40x10% two',
        line: 'two',
        terminal: { columns: 40, rows: 10, keys: [{ after: '[y/N]', keys: 'y\r' }] },
      },
    ]);
  });

  test('commands that were never played', () => {
    expect(parseTranscript('$ one\n% two\n').map((part) => part.kind)).toEqual(['command', 'command']);
  });

  test('what it cannot read', () => {
    expect(() => parseTranscript('xapplepush status\n')).toThrow('not a comment, a setting or a command');
  });
});

describe('a played command', () => {
  test('in a pipe: standard output, standard error, exit code', async () => {
    const text = `$ echo out; echo err >&2; printf 'a\\033[1m\\n\\nb' >&2; test -t 0 || exit 3\n`;
    expect(await played(text)).toBe(`${text}out\n! err\n! a␛[1m\n!\n! b[no newline]\n[exit 3]\n`);
  });

  test('on a terminal of that size, with what is typed', async () => {
    const text = `40x10% stty size; printf 'sure? '; read x; test -t 1 && exit 4\n  after "sure? " type "yes\\r"\n`;
    expect(await played(text)).toBe(`${text}10 40\nsure? yes\n[exit 4]\n`);
  });

  test('that ends before the screen shows what it waits for', async () => {
    await expect(played('% echo no\n  after "sure?" type "y"\n')).rejects.toThrow(
      'has ended without "sure?"',
    );
  });

  test('what differs from run to run stands for itself, in its width', async () => {
    const text = `$ echo '2026-11-20T12:31:10.351Z 2026-11-20T12:31:10Z 2026-11-20 12:31:10 127.0.0.1:4711 pid=12 5m ago'\n`;
    expect(await played(text)).toContain(
      '\n2000-01-01T00:00:00.000Z 2000-01-01T00:00:00Z 2000-01-01 00:00:00 127.0.0.1:PORT pid=PID 0s ago\n',
    );
    expect(await played(`$ pwd; echo 3f0e0e6c-6a0c-4c5a-8f7e-0f3f3f3f3f3f 1763654325123 12\n`)).toContain(
      '\nDIR\n00000000-0000-0000-0000-000000000000 0000000000000 12\n',
    );
  });
});
