import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HEADER_LINE, readTargetLine, targetLine } from '../../src/transfer/target-line.ts';
import { NOW_MS } from '../support/store.ts';
import { anyTarget, exportedTarget, NOW_TEXT } from './targets.ts';

const wire = JSON.parse(targetLine(exportedTarget())) as Record<string, unknown>;

test('a target is one line with everything about it', () => {
  expect(
    targetLine(exportedTarget({ lastPushMs: NOW_MS, disabledMs: NOW_MS + 1, lastError: 'a\nb' })),
  ).toMatch(/^[^\n]+\n$/);
  expect(wire).toMatchObject({
    user: 'alice',
    renewed: NOW_TEXT,
    registered: '2023-11-14T22:13:15.000Z',
    lastPush: null,
  });
  expect(Object.keys(wire).join(' ')).toBe(
    'user deviceToken accountId subtopic apsVersion topic source registered renewed lastPush lastSuccess lastError ' +
      'lastErrorAt failures failingSince disabled subscriptions',
  );
});

test('the header names format and version, and nothing that differs from time to time', () => {
  expect(HEADER_LINE).toBe('{"xapplepush":"targets","version":1}\n');
  expect(readTargetLine(JSON.parse(HEADER_LINE))).toBe('header');
});

test('a header that announces something else', () => {
  expect(readTargetLine({ xapplepush: 'outbox', version: 1 })).toEqual({
    foreign: '"outbox" of version "1"',
  });
  expect(readTargetLine({ xapplepush: 'targets', version: 2 })).toEqual({
    foreign: '"targets" of version "2"',
  });
  const hostile = JSON.parse('{"xapplepush": {"toString": 1}}') as unknown;
  expect(readTargetLine(hostile)).toEqual({ foreign: 'something else of version something else' });
});

test('any target comes back as it was', () => {
  fc.assert(
    fc.property(anyTarget, (target) => {
      const line = targetLine(target);
      expect(line.indexOf('\n')).toBe(line.length - 1);
      expect(readTargetLine(JSON.parse(line))).toEqual({ target });
    }),
  );
});

test('a calendar comes back with the time when it runs out', () => {
  const target = exportedTarget({ subtopic: 'calendar', expiresMs: NOW_MS });
  expect(JSON.parse(targetLine(target))).toMatchObject({ expires: NOW_TEXT });
  expect(readTargetLine(JSON.parse(targetLine(target)))).toEqual({ target });
});

describe('no target', () => {
  const bad = (title: string, value: unknown, why: string | RegExp): void => {
    test(title, () => {
      const read = readTargetLine(value);
      if (read === 'header' || !('fault' in read)) throw new Error('it was read');
      expect([read.fault.reason, read.fault.detail].join(' ').trim()).toMatch(why);
    });
  };
  const change = (changes: Record<string, unknown>): unknown => ({ ...wire, ...changes });
  bad('null', null, 'not an object');
  bad('a list', [wire], 'not an object');
  bad('a number', 3, 'not an object');
  bad('an empty object', {}, 'user is missing');
  bad('no user', change({ user: '' }), 'user: expected text');
  bad('a user with NUL', change({ user: 'a\0' }), 'user: expected text without NUL');
  bad('half a surrogate pair', change({ topic: '\ud800' }), 'topic: expected text');
  bad('a token of another type', change({ deviceToken: 12 }), /deviceToken: expected .*, got a number/);
  bad('a fraction', change({ apsVersion: 1.5 }), 'apsVersion: expected an integer');
  bad('less than none', change({ failures: -1 }), 'failures: expected an integer, 0 or more');
  bad(
    'another source',
    change({ source: 'exchange' }),
    'source: expected cyrus, dovecot-plugin, xaps, http or other',
  );
  bad('a time as a number', change({ renewed: 5 }), 'renewed: expected a time such as');
  bad(
    'a time that is none',
    change({ lastPush: 'yesterday' }),
    /lastPush: expected a time such as .*, or null/,
  );
  bad('no subscriptions', change({ subscriptions: null }), 'subscriptions: expected a list of objects');
  bad(
    'a subscription without a path',
    change({ subscriptions: [{ owner: 'a' }] }),
    'subscriptions: expected',
  );
  bad(
    'a hash that is none',
    change({ subscriptions: [{ owner: 'a', path: 'b', name: 'c', hash: 'd' }] }),
    'subscriptions',
  );
  bad('an unknown key', change({ colour: 'red' }), 'unknown key "colour"');
  bad('a key of every object', JSON.parse('{"__proto__": {"user": "x"}}'), 'user is missing');
  bad('keys from a prototype', Object.create(wire), 'user is missing');

  test('whatever it is, nothing makes it fail, and no reason repeats it', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...Object.keys(wire)), fc.jsonValue()), (value) => {
        const read = readTargetLine(value);
        expect(read).toHaveProperty('fault.reason');
      }),
    );
  });
});
