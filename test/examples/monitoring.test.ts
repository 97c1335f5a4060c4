import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { configFor, startTestApns } from '../support/apns.ts';
import { configure } from '../support/command.ts';
import { sandboxHere, serveHere } from '../support/here.ts';
import { describeWithTools } from '../support/needs.ts';
import { temporaryFolder } from '../support/store.ts';

/** The text of /metrics. */
let scraped: string;

beforeAll(async () => {
  scraped = await scrape();
});

/** Other push services have series of their own. */
const WEB_PUSH = 'webpush: { enabled: true, subject: mailto:postmaster@example.org }\n';

/** What Prometheus gets of a `serve` to which nothing has happened yet. */
async function scrape(): Promise<string> {
  const [apns, sandbox] = [await startTestApns(), sandboxHere('')];
  configure(sandbox, `${configFor(apns)}serve: { http: "127.0.0.1:0" }\n${WEB_PUSH}`);
  const serve = await serveHere(sandbox);
  try {
    const [, address] = /http (127\.0\.0\.1:\d+)/.exec(readFileSync(join(sandbox.dir, 'log'), 'utf8')) ?? [];
    return await (await fetch(`http://${address}/metrics`)).text();
  } finally {
    await serve.end('SIGTERM');
    sandbox.remove();
    await apns.close();
  }
}

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
  templating: { list: { name: string; type: string; query: string }[] };
};

const asked = rules.map(({ alert, expr }) => [alert, expr] as const);
const drawn = panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const));
const variables = templating.list
  .filter(({ type }) => type === 'query')
  .map(({ name, query }) => [name, query] as const);
const expressions = [...asked, ...drawn, ...variables];

/** Of what Prometheus says itself. */
const NOT_OURS = ['up{job="xapplepush"} == 0'];
const isNotOurs = (expr: string): boolean => NOT_OURS.includes(expr) || expr.startsWith('count(ALERTS{');

/** Every metric of a `serve` to which nothing has happened yet, with the values of its labels. */
function shownMetrics(): Map<string, Map<string, Set<string>>> {
  const shown = new Map<string, Map<string, Set<string>>>();
  for (const [, name = '', labels = ''] of scraped.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    const values = shown.get(name) ?? new Map<string, Set<string>>();
    for (const [, label = '', value = ''] of labels.matchAll(/(\w+)="([^"]*)"/g))
      values.set(label, (values.get(label) ?? new Set()).add(value));
    shown.set(name, values);
  }
  return shown;
}

/** Given by Prometheus to each series that it scrapes. */
const SCRAPED = ['instance', 'job'];

test.each(expressions)('%s: asks for what there is', (_, expr) => {
  const shown = shownMetrics();
  const used = [...expr.matchAll(/\b((?:xapplepush|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)];
  if (used.length === 0) expect(isNotOurs(expr), expr).toBe(true);
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

test('each of our metrics is on the dashboard', () => {
  const ours = [...shownMetrics().keys()]
    .filter((name) => name.startsWith('xapplepush_'))
    .filter((name) => !/_(sum|count)$/.test(name));
  const text = [...drawn, ...variables].map(([, expr]) => expr).join('\n');
  expect(ours.filter((name) => !text.includes(name))).toEqual([]);
});

test('what an alert watches is on the dashboard too', () => {
  const text = drawn.map(([, expr]) => expr).join('\n');
  const watched = asked.flatMap(([, expr]) => expr.match(/\bxapplepush_\w+/g) ?? []);
  expect(watched.filter((name) => !text.includes(name))).toEqual([]);
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

test('each alert is shown to fire', () => {
  const tests = read('prometheus/alerts.test.yaml');
  expect(rules.map(({ alert }) => alert).filter((alert) => !tests.includes(alert))).toEqual([]);
});

describeWithTools({ promtool: 'prometheus' }, 'Prometheus itself', () => {
  const FOLDER = fileURLToPath(new URL('../../examples/prometheus', import.meta.url));

  /** Exit code and output of promtool. */
  function promtool(args: readonly string[], input = ''): [number | null, string] {
    const { status, stdout, stderr, error } = spawnSync('promtool', args, {
      ...{ input, cwd: FOLDER, encoding: 'utf8' },
    });
    if (error) throw error;
    return [status, stdout + stderr];
  }

  test('takes the rules', () => {
    expect(promtool(['check', 'rules', 'alerts.yaml'])).toEqual([
      0,
      expect.stringContaining(`${rules.length} rules found`),
    ]);
  });

  test('fires each alert when it is to fire, the first batch included', () => {
    expect(promtool(['test', 'rules', 'alerts.test.yaml'])).toEqual([0, expect.stringContaining('SUCCESS')]);
  });

  test('finds nothing to complain of in what serve says', () => {
    expect(promtool(['check', 'metrics'], scraped)).toEqual([0, '']);
    expect(promtool(['check', 'metrics'], `${scraped}bad_name-\n`)[0]).not.toBe(0);
  });

  test('understands the dashboard', () => {
    const file = join(temporaryFolder(), 'rules.yaml');
    const rulesOf = [...asked, ...drawn].map(([, expr], n) => ({
      record: `a:b${n}`,
      expr: withoutVariables(expr),
    }));
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules: rulesOf }] }));
    expect(promtool(['check', 'rules', '--lint=none', file])).toEqual([
      0,
      expect.stringContaining(`${rulesOf.length} rules found`),
    ]);
  });

  test('says by the verdict of the dashboard whether all works', () => {
    const [, expr = ''] = drawn.find(([title]) => title === 'Does it work?') ?? [];
    const healthy: Record<string, string> = {};
    for (const name of ['a', 'b']) {
      healthy[`up{instance="${name}", job="x"}`] = '1';
      healthy[`xapplepush_store_readable{instance="${name}", job="x"}`] = '1';
      healthy[`xapplepush_door_open{door="http", instance="${name}"}`] = '1';
    }
    const verdict = (value: number, changes: Record<string, string>): object => ({
      input_series: Object.entries({ ...healthy, ...changes }).map(([series, values]) => ({
        series,
        values,
      })),
      promql_expr_test: [{ expr: withoutVariables(expr), eval_time: '0m', exp_samples: [{ value }] }],
    });
    const tests = [
      verdict(1, {}),
      verdict(0, { 'xapplepush_store_readable{instance="a", job="x"}': '0' }),
      verdict(0, { 'xapplepush_door_open{door="http", instance="b"}': '0' }),
      verdict(0, { 'xapplepush_credential_usable{credential="apns", instance="a"}': '0' }),
      verdict(0, {
        'up{instance="b", job="x"}': '0',
        'xapplepush_store_readable{instance="b", job="x"}': '_',
      }),
    ];
    const file = join(temporaryFolder(), 'verdict.yaml');
    writeFileSync(file, JSON.stringify({ tests }));
    expect(promtool(['test', 'rules', file])).toEqual([0, expect.stringContaining('SUCCESS')]);
  });

  test('counts what is in a store that instances share once, and adds up that of a store each', () => {
    const { query = '' } = templating.list.find(({ name }) => name === 'over') ?? {};
    expect(query).toBe('share a store : max, have a store each : sum');
    const metrics = {
      xapplepush_targets: '',
      xapplepush_collections: 'kind="calendar"',
      xapplepush_waiting_pushes: '',
    };
    const series = Object.entries(metrics).flatMap(([metric, labels]) =>
      ['a', 'b'].map((instance) => ({ series: `${metric}{instance="${instance}",${labels}}`, values: '5' })),
    );
    const of = (metric: string, labels: string, over: string, value: number): object => {
      const [, expr = ''] =
        drawn.find(([, each]) => each.startsWith('${over}') && each.includes(`(${metric}{`)) ?? [];
      const sample = { labels: `{${labels}}`, value };
      return { expr: withoutVariables(expr, over), eval_time: '0m', exp_samples: [sample] };
    };
    const tests = Object.entries(metrics).flatMap(([metric, labels]) => [
      of(metric, labels, 'max', 5),
      of(metric, labels, 'sum', 10),
    ]);
    const file = join(temporaryFolder(), 'stores.yaml');
    writeFileSync(file, JSON.stringify({ tests: [{ input_series: series, promql_expr_test: tests }] }));
    expect(promtool(['test', 'rules', file])).toEqual([0, expect.stringContaining('SUCCESS')]);
  });

  /** As Grafana fills them in. */
  function withoutVariables(expr: string, over = 'max'): string {
    return expr
      .replaceAll('$__rate_interval', '1m')
      .replaceAll('$instance', '.*')
      .replaceAll('$job', 'x')
      .replaceAll('${over}', over);
  }
});
