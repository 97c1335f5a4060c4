import { describe, expect, test } from 'vitest';
import { createDlistParser, type DlistCommand } from '../../src/doors/dlist.ts';
import { notificationIn } from '../../src/doors/notification.ts';

function command(text: string): DlistCommand {
  const parser = createDlistParser({ literalBytes: 1000, syntaxBytes: 1000, depth: 8 });
  const [item] = [...parser.parse(Buffer.from(`${text}\r\n`))];
  if (item?.kind !== 'command') throw new Error(`not a command: ${text}`);
  return item;
}

describe('what Cyrus wants', () => {
  test.each([
    [
      'NOTIFY %(METHOD external CLASS EVENT MESSAGE {2+}\r\n{})',
      { kind: 'event', message: Buffer.from('{}') },
    ],
    ['NOTIFY %(MESSAGE "x" CLASS "EVENT" METHOD "external")', { kind: 'event', message: Buffer.from('x') }],
    ['NOTIFY %(METHOD external CLASS EVENT MESSAGE "")', { kind: 'event', message: Buffer.alloc(0) }],
    ['NOTIFY %(METHOD external CLASS MAIL MESSAGE x)', { kind: 'other class', class: 'MAIL' }],
    ['NOTIFY %(METHOD external CLASS SIEVE)', { kind: 'other class', class: 'SIEVE' }],
    ['NOTIFY %(METHOD external CLASS event MESSAGE x)', { kind: 'other class', class: 'event' }],
    ['NOTIFY %(METHOD mailto CLASS SIEVE)', { kind: 'other method', method: 'mailto', class: 'SIEVE' }],
    ['NOTIFY %(METHOD log CLASS EVENT MESSAGE x)', { kind: 'other method', method: 'log', class: 'EVENT' }],
  ])('%j', (text, wanted) => {
    expect(notificationIn(command(text))).toEqual(wanted);
  });

  test.each([
    ['HELLO world', 'a command other than NOTIFY'],
    ['notify %(METHOD external CLASS EVENT MESSAGE x)', 'a command other than NOTIFY'],
    ['NOTIFY NIL', 'a NOTIFY without keys'],
    ['NOTIFY (METHOD external)', 'a NOTIFY without keys'],
    ['NOTIFY %()', 'a NOTIFY without METHOD'],
    ['NOTIFY %(METHOD NIL CLASS EVENT MESSAGE x)', 'a NOTIFY without METHOD'],
    ['NOTIFY %(METHOD (external) CLASS EVENT MESSAGE x)', 'a NOTIFY without METHOD'],
    ['NOTIFY %(METHOD external MESSAGE x)', 'a NOTIFY without CLASS'],
    ['NOTIFY %(METHOD external CLASS EVENT)', 'an event without MESSAGE'],
    ['NOTIFY %(METHOD external CLASS EVENT MESSAGE NIL)', 'an event without MESSAGE'],
    ['NOTIFY %(METHOD external CLASS EVENT MESSAGE (x))', 'an event without MESSAGE'],
  ])('unknown: %j', (text, why) => {
    expect(notificationIn(command(text))).toEqual({ kind: 'unknown', why });
  });
});
