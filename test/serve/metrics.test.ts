import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { KNOWN_ANSWERS } from '../../src/apns/answers.ts';
import { createMetrics, type Metrics, type MetricsState } from '../../src/serve/metrics.ts';
import { VERSION } from '../../src/installation.ts';
import { recordedLog } from '../support/recorded-log.ts';

const STATE: MetricsState = {
  waitingRows: 7,
  oldestMs: 90_500,
  connections: 1,
  certificateDaysLeft: [{ topic: 'com.apple.mail.XServer.test', days: 12.5 }],
  credentials: [
    { credential: 'apns', usable: true },
    { credential: 'apns.also[1]', usable: false },
  ],
  targets: 42,
};

/** The samples by name with labels, as in `xapplepush_targets` or `a_total{door="http"}`. */
async function samplesOf(metrics: Metrics): Promise<Map<string, number>> {
  const lines = (await metrics.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.replace(/ \S+$/, ''), Number(line.replace(/^.* /, ''))]));
}

describe('events', () => {
  test('are counted by door and name', async () => {
    const metrics = createMetrics();
    metrics.eventReceived('http', 'MessageNew');
    metrics.eventReceived('http', 'MessageNew');
    metrics.eventReceived('cyrus', 'registration');
    const samples = await samplesOf(metrics);
    expect(samples.get('xapplepush_events_total{door="http",event="MessageNew"}')).toBe(2);
    expect(samples.get('xapplepush_events_total{door="cyrus",event="registration"}')).toBe(1);
  });

  test('strangers’ names make no series of their own', async () => {
    const metrics = createMetrics();
    fc.assert(
      fc.property(fc.string(), (name) => {
        metrics.eventReceived('spool', `x${name}`);
      }),
      { numRuns: 500 },
    );
    const names = [...(await samplesOf(metrics)).keys()].filter((name) => name.includes('events_total'));
    expect(names).toEqual(['xapplepush_events_total{door="spool",event="other"}']);
  });
});

describe('pushes', () => {
  const count = async (metrics: Metrics, outcome: string, reason: string): Promise<number | undefined> =>
    (await samplesOf(metrics)).get(`xapplepush_pushes_total{outcome="${outcome}",reason="${reason}"}`);

  test('are counted by outcome and reason', async () => {
    const metrics = createMetrics();
    metrics.pushSettled('delivered', undefined);
    metrics.pushSettled('retry', 'status 503');
    metrics.pushSettled('retry', 'TooManyRequests');
    metrics.pushSettled('retry', '192.0.2.1:443: connect ECONNREFUSED');
    metrics.pushSettled('gave_up', 'InternalServerError');
    expect(await count(metrics, 'delivered', 'none')).toBe(1);
    expect(await count(metrics, 'retry', 'status 503')).toBe(1);
    expect(await count(metrics, 'retry', 'TooManyRequests')).toBe(1);
    expect(await count(metrics, 'retry', 'other')).toBe(1);
    expect(await count(metrics, 'gave_up', 'other')).toBe(1);
  });

  test('each answer of Apple’s that we know is there from the start', async () => {
    const samples = await samplesOf(createMetrics());
    for (const { ruling, reasons } of KNOWN_ANSWERS) {
      for (const reason of typeof reasons === 'string' ? [] : reasons)
        expect(samples.get(`xapplepush_pushes_total{outcome="${ruling.kind}",reason="${reason}"}`)).toBe(0);
    }
    expect(samples.get('xapplepush_pushes_total{outcome="delivered",reason="none"}')).toBe(0);
  });

  test('the number of series has a bound, whatever Apple or the network says', async () => {
    const metrics = createMetrics();
    const before = (await samplesOf(metrics)).size;
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.integer().map((n) => `status ${n}`),
        ),
        (reason) => {
          metrics.pushSettled('rejected', `x${reason}`);
        },
      ),
      { numRuns: 1000 },
    );
    expect((await samplesOf(metrics)).size).toBe(before + 1);
  });
});

test('latency is in seconds, and never negative', async () => {
  const metrics = createMetrics();
  metrics.observeLatency(1000, 1200);
  metrics.observeLatency(1000, 8000);
  metrics.observeLatency(9000, 1000); // the clock was set back
  const samples = await samplesOf(metrics);
  const name = 'xapplepush_push_latency_seconds';
  expect(samples.get(`${name}_count`)).toBe(3);
  expect(samples.get(`${name}_sum`)).toBeCloseTo(7.2);
  expect(samples.get(`${name}_bucket{le="0.05"}`)).toBe(1);
  expect(samples.get(`${name}_bucket{le="0.25"}`)).toBe(2);
  expect(samples.get(`${name}_bucket{le="10"}`)).toBe(3);
});

describe('the state', () => {
  const WATCHED = ['waiting_pushes', 'oldest_waiting_push_seconds', 'apns_connections', 'targets'];

  test('is asked for at each scrape', async () => {
    const metrics = createMetrics();
    let state = STATE;
    metrics.watch(() => Promise.resolve(state));
    const samples = await samplesOf(metrics);
    expect(WATCHED.map((name) => samples.get(`xapplepush_${name}`))).toEqual([7, 90.5, 1, 42]);
    expect(samples.get('xapplepush_store_readable')).toBe(1);
    const days = 'xapplepush_certificate_remaining_days';
    expect(samples.get(`${days}{topic="com.apple.mail.XServer.test"}`)).toBe(12.5);
    const usable = [...samples].filter(([name]) => name.startsWith('xapplepush_credential_usable'));
    expect(usable.map(([, value]) => value)).toEqual([1, 0]);
    state = { ...STATE, targets: 43, certificateDaysLeft: [{ topic: 'another', days: -1 }] };
    const later = await samplesOf(metrics);
    expect(later.get('xapplepush_targets')).toBe(43);
    expect([...later].filter(([name]) => name.startsWith(days))).toEqual([[`${days}{topic="another"}`, -1]]);
  });

  test('holds no control or direction of a certificate raw', async () => {
    const metrics = createMetrics();
    metrics.watch(() =>
      Promise.resolve({ ...STATE, certificateDaysLeft: [{ topic: 'a\u009b\u202eb', days: 1 }] }),
    );
    expect(await metrics.text()).toContain('{topic="a\\\\u009b\\\\u202eb"} 1');
  });

  test('that is not to be had leaves no old values, and the counters stay', async () => {
    const log = recordedLog();
    const metrics = createMetrics({ log });
    metrics.watch(() => Promise.resolve(STATE));
    await metrics.text();
    metrics.watch(() => Promise.reject(new Error('disk I/O error')));
    metrics.eventReceived('http', 'MessageNew');
    const samples = await samplesOf(metrics);
    expect(samples.get('xapplepush_store_readable')).toBe(0);
    expect(samples.get('xapplepush_events_total{door="http",event="MessageNew"}')).toBe(1);
    expect(WATCHED.filter((name) => samples.has(`xapplepush_${name}`))).toEqual([]);
    expect([...samples.keys()].filter((name) => name.includes('certificate'))).toEqual([]);
    expect(log.entries).toMatchObject([{ level: 'warn', fields: { reason: 'disk I/O error' } }]);
  });

  test('of the doors is there whatever the database says', async () => {
    const metrics = createMetrics();
    let isOpen = false;
    metrics.watch(
      () => Promise.reject(new Error('disk I/O error')),
      () => [
        { door: 'cyrus', isOpen: true },
        { door: 'http', isOpen },
      ],
    );
    const doors = async (): Promise<unknown> =>
      [...(await samplesOf(metrics))].filter(([name]) => name.includes('door_open'));
    const cyrus = ['xapplepush_door_open{door="cyrus"}', 1];
    expect(await doors()).toEqual([cyrus, ['xapplepush_door_open{door="http"}', 0]]);
    isOpen = true;
    expect(await doors()).toEqual([cyrus, ['xapplepush_door_open{door="http"}', 1]]);
  });

  test('that nobody has named is not made up', async () => {
    const samples = await samplesOf(createMetrics());
    expect([...WATCHED, 'store_readable'].filter((name) => samples.has(`xapplepush_${name}`))).toEqual([]);
  });
});

test('the version is there', async () => {
  const samples = await samplesOf(createMetrics());
  expect(samples.get(`xapplepush_build_info{version="${VERSION}"}`)).toBe(1);
});

test('two sets of metrics do not mix', async () => {
  const [one, other] = [createMetrics({ defaultMetrics: true }), createMetrics({ defaultMetrics: true })];
  one.eventReceived('http', 'MessageNew');
  expect(await other.text()).not.toContain('xapplepush_events_total{');
  expect(await other.text()).toMatch(/^process_resident_memory_bytes \d+$/m);
  expect(await createMetrics().text()).not.toContain('process_');
});

describe('the examples', () => {
  const read = (path: string): string =>
    readFileSync(new URL(`../../examples/${path}`, import.meta.url), 'utf8');

  interface Rule {
    alert: string;
    expr: string;
    annotations: { summary: string };
  }
  const rules = (parse(read('prometheus/alerts.yaml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
    (group) => group.rules,
  );

  interface Panel {
    id: number;
    title: string;
    gridPos: { x: number; y: number; w: number; h: number };
    targets: { expr: string }[];
  }
  const { panels, templating } = JSON.parse(read('grafana/xapplepush.json')) as {
    panels: Panel[];
    templating: { list: { name: string; query: string }[] };
  };

  const expressions = [
    ...rules.map(({ alert, expr }) => [alert, expr] as const),
    ...panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
    ...templating.list.map(({ name, query }) => [name, query] as const),
  ];

  /** Every metric with the values of its labels, after everything that can happen has. */
  async function shownMetrics(): Promise<Map<string, Map<string, Set<string>>>> {
    const metrics = createMetrics({ defaultMetrics: true });
    for (const door of ['handle', 'spool', 'cyrus', 'http'] as const) metrics.eventReceived(door, 'bad');
    metrics.pushSettled('gave_up', undefined);
    metrics.watch(
      () => Promise.resolve(STATE),
      () => [{ door: 'cyrus', isOpen: true }],
    );
    const shown = new Map<string, Map<string, Set<string>>>();
    for (const sample of (await samplesOf(metrics)).keys()) {
      const [name = '', labels = ''] = sample.split('{');
      const values = shown.get(name) ?? new Map<string, Set<string>>();
      for (const [, label = '', value = ''] of labels.matchAll(/(\w+)="([^"]*)"/g))
        values.set(label, (values.get(label) ?? new Set()).add(value));
      shown.set(name, values);
    }
    return shown;
  }

  /** Given by Prometheus to each series that it scrapes. */
  const SCRAPED = ['instance', 'job'];

  test.each(expressions)('%s: asks for what there is', async (_, expr) => {
    const shown = await shownMetrics();
    const used = [...expr.matchAll(/\b((?:xapplepush|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)];
    if (used.length === 0) expect(['up{job="xapplepush"} == 0', 'prometheus']).toContain(expr);
    for (const [, name = '', matchers = ''] of used) {
      expect([...shown.keys()]).toContain(name);
      for (const [, label = '', value = ''] of matchers.matchAll(/(\w+)(?:=~?|!=|!~)"([^"]*)"/g)) {
        if (SCRAPED.includes(label)) continue;
        expect([...(shown.get(name)?.get(label) ?? [])], `${name}: ${label}`).toContain(value);
      }
    }
    const labels = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(', '));
    const known = new Set([
      ...SCRAPED,
      ...used.flatMap(([, name = '']) => [...(shown.get(name)?.keys() ?? [])]),
    ]);
    expect(labels.filter((label) => !known.has(label))).toEqual([]);
  });

  test.each(expressions)('%s: every bracket has its partner', (_, expr) => {
    const open: string[] = [];
    for (const bracket of expr.replace(/"[^"]*"/g, '').match(/[()[\]{}]/g) ?? []) {
      if ('([{'.includes(bracket)) open.push(bracket);
      else expect(`${open.pop() ?? ''}${bracket}`).toMatch(/^(\(\)|\[\]|\{\})$/);
    }
    expect(open).toEqual([]);
  });

  test('each of our metrics is on the dashboard', async () => {
    const ours = [...(await shownMetrics()).keys()]
      .filter((name) => name.startsWith('xapplepush_'))
      .filter((name) => !/_(sum|count)$/.test(name));
    const text = expressions.map(([, expr]) => expr).join('\n');
    expect(ours.filter((name) => !text.includes(name))).toEqual([]);
  });

  test('panels have ids of their own and do not lie upon each other', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });

  test('each alert has a name of its own and says what it is', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { annotations } of rules) expect(annotations.summary).not.toBe('');
  });
});
