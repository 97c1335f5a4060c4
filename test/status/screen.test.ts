import { describe, expect, test } from 'vitest';
import { jsonOf } from '../../src/status/json.ts';
import { linesOf } from '../../src/status/layout.ts';
import { rowsOf } from '../../src/status/screen.ts';
import type { Status } from '../../src/status/status.ts';
import { painter } from '../../src/terminal/terminal.ts';
import { failureAt, healthy, MINUTE_MS, withTargets, withWaiting } from '../support/status.ts';
import { NOW_MS } from '../support/store.ts';

/** The text of a row. */
function row(status: Status, name: string): string | undefined {
  return rowsOf(status).find((each) => each.name === name)?.text;
}

test('the whole screen', () => {
  expect(`${linesOf(rowsOf(healthy()), { paint: painter(false) }).join('\n')}\n`).toBe(
    [
      'works',
      '',
      'devices       3, of 2 users, some with several; 2 registered within a day',
      'waiting       0 pushes',
      'last hour     1 delivered, 0 failed, median delay 400 ms',
      'last day      20 delivered, 1 failed, median delay 90 seconds',
      'last success  2023-11-14T22:12:20Z (60 seconds ago), alice, device 80aa34cb…4f3a',
      'last failure  never',
      'spool         0 files waiting, 0 bad',
      'certificate   com.apple.mail.XServer.test, until 2024-09-09T22:13:20Z, 300 days left',
      'serve         not running: a deliverer starts when there is something to send',
      'as of         2023-11-14T22:13:20Z',
      '',
    ].join('\n'),
  );
});

describe('rows', () => {
  test('say why pushes wait', () => {
    const one = withWaiting({ connection: { pushes: 3 } });
    expect(row(one, 'waiting')).toBe('3 pushes, because Apple cannot be reached');
    expect(row(one, 'oldest')).toMatch(/\(1 second ago\), alice, .*: Apple cannot be reached \(Because\)$/);
    expect(row(one, 'next attempt')).toBe('2023-11-14T22:14:20Z (in 60 seconds)');
    const several = withWaiting({ sending: { pushes: 1 }, new: { pushes: 2 }, device: { pushes: 4 } });
    expect(row(several, 'waiting')).toBe(
      '7 pushes, 1 being sent, 2 not tried yet, 4 because Apple asks for fewer pushes to the device',
    );
    expect(row({ ...one, waiting: { ...one.waiting, nextMs: NOW_MS } }, 'next attempt')).toBe('due now');
  });

  test('say how many calendars and address books are subscribed to, only where there are any', () => {
    const collections = { calendar: { targets: 3, users: 2 }, contacts: { targets: 0, users: 0 } };
    const status = withTargets({ collections });
    expect(row(status, 'calendars')).toBe('3 subscriptions, of 2 users');
    expect(row(status, 'contacts')).toBeUndefined();
    expect(row(status, 'devices')).toBe(row(healthy(), 'devices'));
    expect(jsonOf(status)).toMatchObject({
      ...{ targets: 3, users: 2 },
      collections: { calendar: { subscriptions: 3, users: 2 }, contacts: { subscriptions: 0, users: 0 } },
    });
  });

  test('say who failed, and who gets no pushes any more', () => {
    const status = withTargets({ disabled: 1, lastFailure: failureAt(NOW_MS - 2 * MINUTE_MS) });
    expect(row(status, 'last failure')).toBe(
      '2023-11-14T22:11:20Z (2 minutes ago), alice, device 80aa34cb…4f3a: BadTopic',
    );
    expect(row(status, 'disabled')).toBe('1, after 3d of failures; they must register again');
    const gone = withTargets({ lastSuccess: { ms: NOW_MS, device: undefined } });
    expect(row(gone, 'last success')).toBe('2023-11-14T22:13:20Z (0 seconds ago)');
  });

  test('say what lies in the spool', () => {
    const newestBad = { file: '/spool/bad/1.json', reason: 'not JSON' };
    const spool = { waiting: 2, oldestMs: NOW_MS - 3000, bad: 1, newestBad };
    expect(row(healthy({ spool }), 'spool')).toBe(
      '2 files waiting since 2023-11-14T22:13:17Z (3 seconds ago), 1 bad',
    );
    expect(row(healthy({ spool }), 'latest bad')).toBe('/spool/bad/1.json: not JSON');
    expect(row(healthy({ spool: { trouble: 'EACCES' } }), 'spool')).toBe('EACCES');
  });

  test('say what the certificates are worth, and since when serve runs', () => {
    const [good] = healthy().certificates;
    const token = { ...good!, endsMs: undefined, daysLeft: undefined };
    expect(row(healthy({ certificates: [token] }), 'certificate')).toMatch(/: a token, which has no end$/);
    const last = { ...good!, daysLeft: 1 };
    expect(row(healthy({ certificates: [last] }), 'certificate')).toMatch(/, 1 day left$/);
    const bad = { ...good!, problems: ['one', 'two'] };
    expect(row(healthy({ certificates: [bad] }), 'certificate')).toBe('one; two');
    expect(
      row(withTargets({ served: { sinceMs: NOW_MS - 3 * 86_400_000, outdated: [], closed: [] } }), 'serve'),
    ).toBe('running since 2023-11-11T22:13:20Z (3 days ago)');
    expect(row(withTargets({ served: { sinceMs: undefined, outdated: [], closed: [] } }), 'serve')).toBe(
      'running, and cannot write to the database',
    );
  });

  test('say which deliverer is at work while no serve runs', () => {
    const at = (isCurrent: boolean): unknown =>
      row(withTargets({ deliverer: { sinceMs: NOW_MS - 3000, isCurrent } }), 'serve');
    const text = 'not running: a deliverer has been at work since 2023-11-14T22:13:17Z (3 seconds ago)';
    expect([at(true), at(false)]).toEqual([
      text,
      `${text}, with an older configuration or program, and makes way for a new one`,
    ]);
  });

  test('say which door of serve is closed, since when, why, and what to do', () => {
    const door = {
      door: 'http',
      isAsBefore: false,
      sinceMs: NOW_MS - 60_000,
      reason: 'in use',
      fix: 'stop it',
    };
    const shown = (changes: Partial<typeof door>): string | undefined =>
      row(
        withTargets({ served: { sinceMs: NOW_MS, outdated: [], closed: [{ ...door, ...changes }] } }),
        'door',
      );
    const since = 'since 2023-11-14T22:12:20Z (60 seconds ago), and tried again';
    expect(shown({})).toBe(`http, closed ${since}: in use; fix: stop it`);
    expect(shown({ isAsBefore: true })).toMatch(/^http, open as it was before since /);
  });

  test('stand out where they deserve attention', () => {
    const tones = (status: Status): object =>
      Object.fromEntries(
        rowsOf(status).flatMap(({ name, tone }) => (tone === 'plain' ? [] : [[name, tone]])),
      );
    expect(tones(healthy())).toEqual({ '': 'good' });
    expect(tones(withTargets({ disabled: 1, lastFailure: failureAt(NOW_MS) }))).toEqual({
      '': 'attention',
      disabled: 'attention',
      'last failure': 'attention',
    });
    expect(tones(withWaiting({ credential: {}, new: {} }))).toEqual({ '': 'bad', waiting: 'attention' });
    expect(tones(withWaiting({ new: {}, sending: {} }))).toEqual({ '': 'good' });
  });

  test('hold nothing that could paint the screen', () => {
    const reason = 'a\u001b[2Jb\nc';
    const status = withWaiting(
      { connection: { reason } },
      { lastFailure: { ...failureAt(NOW_MS)!, reason } },
    );
    for (const { text } of rowsOf(status)) expect(text).not.toMatch(/\p{Cc}/u);
  });
});

describe('rates', () => {
  const NONE = { delivered: 0, failed: 0, medianDelayMs: undefined };

  test('say since when, where the history does not go back a day', () => {
    const day = { delivered: 9000, failed: 4, medianDelayMs: 1234 };
    const status = healthy({ rates: { hour: NONE, day, sinceMs: NOW_MS - 3 * 60 * MINUTE_MS } });
    expect(row(status, 'last hour')).toBe('0 delivered, 0 failed');
    expect(row(status, 'last day')).toBe(
      'since 2023-11-14T19:13:20Z (3 hours ago): 9000 delivered, 4 failed, median delay 1.2 s',
    );
  });

  test('say why they are not known', () => {
    expect(row(healthy({ rates: { trouble: 'not known: EACCES' } }), 'pushes')).toBe('not known: EACCES');
  });
});

describe('lines', () => {
  const long = { name: 'a', text: 'one two three four five six seven eight', tone: 'bad' } as const;

  test('go on below their text where the terminal ends', () => {
    expect(linesOf([long], { paint: painter(false), columns: 40 })).toEqual([
      'a             one two three four five',
      '              six seven eight',
    ]);
    expect(linesOf([long], { paint: painter(false) })).toHaveLength(1);
  });

  test('end where the terminal ends, however wide their characters are', () => {
    const wide = {
      name: 'last success',
      text: '3 minutes ago, 山田太郎 📨 Entwu\u0308rfe',
      tone: 'plain',
    } as const;
    expect(linesOf([wide], { paint: painter(false), columns: 40 })).toEqual([
      'last success  3 minutes ago, 山田太郎 📨',
      '              Entwürfe',
    ]);
  });

  test('are painted one by one, names not', () => {
    const lines = linesOf([long], { paint: painter(true), columns: 40 });
    expect(lines[1]).toBe('              \u001b[31msix seven eight\u001b[39m');
    expect(lines[0]).toMatch(/^a {13}\u001b\[31mone/);
  });
});
