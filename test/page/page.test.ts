import { describe, expect, test } from 'vitest';
import { html } from '../../src/page/html.ts';
import { pageOf } from '../../src/page/page.ts';
import { pushesOf } from '../../src/page/pushes.ts';
import { broken } from '../../src/status/finding.ts';
import { verdictOfTrouble } from '../../src/status/verdict.ts';
import { StoreError } from '../../src/store/errors.ts';
import { pushEntryOf } from '../support/history.ts';
import { busyDay, pageData, story } from '../support/page.ts';
import { failureAt, healthy, withTargets, withWaiting } from '../support/status.ts';
import { NOW_MS } from '../support/store.ts';

/** What a person reads, in one line. */
function textOf(page: string): string {
  const shown = page.replace(/<style>.*<\/style>/s, '').replace(/<[^>]*>/g, ' ');
  return shown.replace(/\s+/g, ' ').trim();
}

function titleOf(page: string): string {
  return /<title>(.*)<\/title>/s.exec(page)?.[1]?.replace(/\s+/g, ' ').trim() ?? '';
}

describe('every value is text', () => {
  test.each([
    ['<script>alert(1)</script>', '&lt;script&gt;alert(1)&lt;/script&gt;'],
    ['" onfocus="alert(1)" autofocus="', '&quot; onfocus=&quot;alert(1)&quot; autofocus=&quot;'],
    ["' x='", '&#39; x=&#39;'],
    ['&lt;b&gt;', '&amp;lt;b&amp;gt;'],
    ['</title><b>', '&lt;/title&gt;&lt;b&gt;'],
    ['a\u202egpj.exe', 'a\\u202egpj.exe'],
    ['a\nb\u0000\u001b[2J', 'a\\u000ab\\u0000\\u001b[2J'],
    ['\ud800', '\\ud800'],
    ['żółw 🐢 ü', 'żółw 🐢 ü'],
  ])('%j', (name, shown) => {
    expect(html`<i title="${name}">${[name]}</i>`.text).toBe(`<i title="${shown}">${shown}</i>`);
    const device = { user: name, deviceToken: name };
    const page = pageOf(
      pageData({
        host: name,
        look: {
          ...withWaiting(
            { topic: { reason: name } },
            { lastFailure: { ...failureAt(NOW_MS)!, reason: name, device } },
          ),
          obstacles: [broken(name, name)],
        },
        events: { user: name, entries: story(name), explanation: undefined, limit: 9 },
      }),
    );
    expect(page.split(shown).length - 1).toBeGreaterThan(12);
    if (shown !== name) expect(page).not.toContain(name);
  });
});

describe('the verdict is headline and title', () => {
  test.each([
    ['works', healthy(), 'works'],
    [
      'one thing',
      { ...healthy(), obstacles: [broken('the disk is full', 'make room')] },
      'does not work: the disk is full',
    ],
    [
      'several things',
      { ...healthy(), obstacles: [broken('the disk is full', 'make room'), broken('no user', null)] },
      'does not work: 2 things are wrong',
    ],
    [
      'one to attend to',
      withTargets({ served: { sinceMs: 0, outdated: ['/a.yaml'], closed: [] } }),
      'works, but serve works with an older version of /a.yaml than lies there',
    ],
    [
      'no store',
      {
        nowMs: NOW_MS,
        spool: { waiting: 0, oldestMs: undefined, bad: 0, newestBad: undefined },
        verdict: verdictOfTrouble(
          new StoreError('the database is gone', { hint: 'bring it back', cause: undefined }),
        ),
      },
      'does not work: the database is gone',
    ],
  ])('%s', (_, look, headline) => {
    const page = pageOf(pageData({ look }));
    const shown = /<h1>(.*?)<\/h1>/s.exec(page)?.[1]?.trim();
    expect(shown).toBe(headline);
    expect(titleOf(page)).toBe(`${shown} – xapplepush on mail.example.org`);
  });

  test('each finding has its fix', () => {
    const obstacles = [broken('the disk is full', 'make room'), broken('no user', null)];
    expect(textOf(pageOf(pageData({ look: { ...healthy(), obstacles } })))).toContain(
      'Broken: the disk is full Fix: make room Broken: no user Fix: see: xapplepush check',
    );
  });
});

describe('what it tells', () => {
  test('of an empty store and history', () => {
    const look = withTargets({ targets: 0, users: 0, renewed: 0, lastSuccess: undefined });
    const text = textOf(pageOf(pageData({ look, ages: [{ text: 'within a day', devices: 0 }] })));
    for (const part of [
      'Devices 0 of 0 users',
      'Delay – no push within the hour',
      'Last success never',
      '0 delivered 0 failed',
      'No push waits.',
      'No device has registered.',
      'No entries; no event has arrived.',
    ])
      expect(text).toContain(part);
  });

  test('of what waits and why, of the delays and the certificate', () => {
    const pushes = pushesOf(busyDay(), { nowMs: NOW_MS, sinceMs: NOW_MS - 3_600_000 });
    const text = textOf(pageOf(pageData({ look: withWaiting({ connection: { pushes: 3 } }), pushes })));
    expect(text).toContain('because Apple cannot be reached: Because 3 1 second ago');
    expect(text).toContain('an hour 249 306 ms 31.0 s');
    expect(text).toContain('Delivered 249 within the hour; 0 failed');
    expect(text).not.toContain('last day'); // of other entries it would contradict
    expect(text).toContain('Known since 2023-11-14 21:13:20 UTC');
    expect(text).toContain('com.apple.mail.XServer.test 300 days left, until 2024-09-09');
  });

  test('of history that cannot be read', () => {
    const trouble = 'not known: it is not ours';
    const events = { user: '', entries: { trouble }, explanation: undefined, limit: 9 };
    const text = textOf(pageOf(pageData({ pushes: { trouble }, events, ages: { trouble } })));
    expect(text.split(trouble)).toHaveLength(4);
    for (const name of ['Delivered', 'Delay']) expect(text).toContain(`${name} – not known`);
  });

  test('of history that was read for less than an hour, or in part', () => {
    const sinceMs = NOW_MS - 60_000;
    const pushes = pushesOf(busyDay(), { nowMs: NOW_MS, sinceMs });
    const events = { user: 'bob', entries: [], explanation: 'no device', limit: 9, sinceMs };
    const text = textOf(pageOf(pageData({ pushes, events })));
    expect(text).toContain('Delivered 249 since 2023-11-14 22:12:20 UTC; 0 failed');
    expect(text).toContain('The history was read back to 2023-11-14 22:12:20 UTC . No entries; no device.');
  });

  test('of a user, the newest first', () => {
    const events = { user: 'bob', entries: story('bob'), explanation: undefined, limit: 9 };
    expect(textOf(pageOf(pageData({ events })))).toMatch(
      /Events of bob .* 22:13:15 bob .*TooManyRequests.* 22:13:11 bob nobody is told: no device asked .* 11-13 22:13:20 bob .*registered/,
    );
  });
});

describe('pushes of a day', () => {
  test('are shared out by a quarter of an hour; what is older, or to come, is left out', () => {
    const quarterMs = 15 * 60_000;
    const at = (agoMs: number, failed = false) =>
      pushEntryOf({ atMs: NOW_MS - agoMs, ...(failed && { outcome: 'rejected' as const }) });
    const entries = [
      at(-1),
      at(0),
      at(quarterMs - 1, true),
      at(quarterMs),
      at(96 * quarterMs - 1),
      at(96 * quarterMs),
    ];
    const { shares, day } = pushesOf(entries, { nowMs: NOW_MS, sinceMs: undefined });
    const told = shares.flatMap(({ delivered, failed }, n) =>
      delivered + failed > 0 ? [[n, delivered, failed]] : [],
    );
    expect(told).toEqual([
      [0, 1, 0],
      [94, 1, 0],
      [95, 1, 1],
    ]);
    expect(day.pushes).toBe(3);
  });

  test('have their p50 and p99 by the nearest rank', () => {
    const entries = Array.from({ length: 100 }, (_, n) => pushEntryOf({ atMs: NOW_MS, tookMs: 100 - n }));
    const { hour } = pushesOf(entries, { nowMs: NOW_MS, sinceMs: undefined });
    expect(hour).toEqual({ pushes: 100, p50Ms: 50, p99Ms: 99 });
  });
});
