import { describe, expect, test } from 'vitest';
import { ok, type Point, problem, skippedAll, warning } from '../../src/check/point.ts';
import { createPrinter, type PrinterOptions } from '../../src/check/printer.ts';

const CYRUS: Point[] = [
  ok('imapd.conf', '/etc/imapd.conf'),
  warning('event_groups', 'could be better', 'improve it'),
  ok('aps_topic', 'com.apple.mail.XServer.one'),
  problem('handler', 'is broken', 'fix it'),
];
const APPLE = skippedAll(['Apple: HTTP/2', 'Apple: push'], 'credential');

/** What is printed, by the calls. */
function printed(options: Partial<PrinterOptions>): string[] {
  const calls: string[] = [''];
  const out = (text: string): void => void calls.push((calls.pop() ?? '') + text);
  const printer = createPrinter({ out, colour: false, columns: undefined, verbose: false, ...options });
  const step = (act: () => void): void => {
    act();
    calls.push('');
  };
  step(() => printer.begin('Cyrus'));
  step(() => printer.end(CYRUS));
  step(() => printer.begin('Apple'));
  step(() => printer.end(APPLE));
  step(() => printer.finish([...CYRUS, ...APPLE]));
  return calls.slice(0, -1);
}

describe('in a pipe', () => {
  test('a point has a line, each fix stands below it, and what waits for the same is one line', () => {
    expect(printed({}).join('')).toBe(
      [
        'ok       imapd.conf       /etc/imapd.conf',
        'warning  event_groups     could be better',
        '                          fix: improve it',
        'ok       aps_topic        com.apple.mail.XServer.one',
        'problem  handler          is broken',
        '                          fix: fix it',
        'skipped  2 points         Apple: HTTP/2, Apple: push (needs first: credential)',
        '1 problem, 1 warning, 2 not judged',
        'do first: fix it (handler)',
        '',
      ].join('\n'),
    );
  });

  test('each subject is there as soon as it is known', () => {
    const [beginning, cyrus, apple] = printed({});
    expect(beginning).toBe('');
    expect(cyrus).toMatch(/^ok {7}imapd\.conf.*fix: fix it\n$/s);
    expect(apple).toBe('');
  });

  test('control characters of a file are shown as what they are', () => {
    let shown = '';
    const options = { out: (text: string) => void (shown += text), colour: false, columns: undefined };
    createPrinter({ ...options, verbose: false }).end([problem('p', 'a\u001b[31mb\nc', 'd\u0085')]);
    expect(shown).toContain('a\\u001b[31mb\\u000ac\n');
    expect(shown).not.toMatch(/[\u001b\u0085]/);
  });
});

test('people read device, and programs the names that points have always had', () => {
  let shown = '';
  const options = { out: (text: string) => void (shown += text), colour: false, columns: undefined };
  const printer = createPrinter({ ...options, verbose: false });
  const points = [warning('targets', 'none', 'wait'), ok('target topics', 'fine')];
  printer.end(points);
  printer.finish(points);
  expect(shown).toMatch(/^warning {2}devices [^]*^ok {7}device topics [^]*\(devices\)\n$/m);
});

describe('on a terminal', () => {
  test('the subject is a heading before it is looked at, and what is well is one line', () => {
    expect(printed({ columns: 100 })).toEqual([
      'Cyrus\n',
      [
        '  ok       imapd.conf, aps_topic',
        '  warning  event_groups     could be better',
        '                            fix: improve it',
        '  problem  handler          is broken',
        '                            fix: fix it',
        '',
      ].join('\n'),
      'Apple\n',
      '  skipped  2 points         Apple: HTTP/2, Apple: push (needs first: credential)\n',
      '\n1 problem, 1 warning, 2 not judged\ndo first: fix it (handler)\n',
    ]);
  });

  test('of many that are skipped the names are left out, unless all is wanted', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const shown = (verbose: boolean): string => {
      let text = '';
      const options = { out: (more: string) => void (text += more), colour: false, columns: 100 };
      createPrinter({ ...options, verbose }).end(skippedAll(names, 'configuration'));
      return text;
    };
    expect(shown(false)).toBe('  skipped  6 points         needs first: configuration\n');
    expect(shown(true)).toContain('a, b, c, d, e, f (needs first: configuration)');
  });

  test('with --verbose each point has its line', () => {
    expect(printed({ columns: 100, verbose: true }).join('')).toContain(
      '  ok       aps_topic        com.apple.mail.XServer.one\n',
    );
  });

  test('of 60 columns no line is longer, and texts begin below the names', () => {
    const shown = printed({ columns: 60 }).join('');
    expect(shown).toContain('  problem  handler\n           is broken\n           fix: fix it\n');
    expect(shown.split('\n').every((line) => line.length <= 60)).toBe(true);
  });

  test('the state alone is painted', () => {
    const painted = printed({ columns: 100, colour: true }).join('');
    expect(painted).toContain('\u001b[31mproblem\u001b[39m  handler');

    expect(painted.replace(/\u001b\[\d+m/g, '')).toBe(printed({ columns: 100 }).join(''));
  });
});
