import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KNOWN_ANSWERS } from '../../src/apns/answers.ts';
import { CHANGE_NAMES } from '../../src/events/mail-event.ts';
import type { SpoolFigures } from '../../src/serve/figures.ts';
import { createMetrics, type Metrics, type MetricsState } from '../../src/serve/metrics.ts';
import { VERSION } from '../../src/process/installation.ts';
import { recordedLog } from '../support/recorded-log.ts';

const STATE: MetricsState = {
  waitingRows: 7,
  oldestMs: 90_500,
  connections: 1,
  lastSuccessMs: 1_700_000_000_500,
  certificates: [{ topic: 'com.apple.mail.XServer.test', endsMs: 1_800_000_000_000 }],
  credentials: [
    { credential: 'apns', usable: true },
    { credential: 'apns.also[1]', usable: false },
  ],
  targets: 42,
  collections: { calendar: 3, contacts: 0 },
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

  test('are at 0 from the start, by every door and name', async () => {
    const samples = await samplesOf(createMetrics());
    for (const door of ['spool', 'cyrus', 'http'])
      for (const event of [...CHANGE_NAMES, 'registration', 'ignored', 'bad', 'other'])
        expect(samples.get(`xapplepush_events_total{door="${door}",event="${event}"}`)).toBe(0);
  });

  test('strangers’ names make no series of their own', async () => {
    const metrics = createMetrics();
    const before = await samplesOf(metrics);
    fc.assert(
      fc.property(fc.string(), (name) => {
        metrics.eventReceived('spool', `x${name}`);
      }),
      { numRuns: 500 },
    );
    const other = 'xapplepush_events_total{door="spool",event="other"}';
    expect(await samplesOf(metrics)).toEqual(new Map([...before, [other, 500]]));
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
    expect(await count(metrics, 'retry', 'status 5xx')).toBe(1);
    expect(await count(metrics, 'retry', 'TooManyRequests')).toBe(1);
    expect(await count(metrics, 'retry', 'other')).toBe(1);
    expect(await count(metrics, 'gave_up', 'other')).toBe(1);
    metrics.pushSettled('gave_up', undefined);
    metrics.pushSettled('retry', 'status 302, not from Apple');
    metrics.pushSettled('misconfigured', 'status 403');
    metrics.pushSettled('retry', 'BadDeviceToken'); // which Apple says of what is rejected only
    expect(await count(metrics, 'gave_up', 'none')).toBe(1);
    expect(await count(metrics, 'retry', 'not from Apple')).toBe(1);
    expect(await count(metrics, 'misconfigured', 'status 4xx')).toBe(1);
    expect(await count(metrics, 'retry', 'other')).toBe(2);
  });

  test('each answer of Apple’s that we know is there from the start', async () => {
    const samples = await samplesOf(createMetrics());
    for (const { ruling, reasons } of KNOWN_ANSWERS) {
      for (const reason of typeof reasons === 'string' ? [] : reasons)
        expect(samples.get(`xapplepush_pushes_total{outcome="${ruling.kind}",reason="${reason}"}`)).toBe(0);
    }
    expect(samples.get('xapplepush_pushes_total{outcome="delivered",reason="none"}')).toBe(0);
    expect(samples.get('xapplepush_pushes_total{outcome="gave_up",reason="none"}')).toBe(0);
  });

  test('make no series beside those of the start, whatever Apple or the network says', async () => {
    const metrics = createMetrics();
    const before = [...(await samplesOf(metrics)).keys()];
    fc.assert(
      fc.property(
        fc.constantFrom('delivered', 'gone', 'retry', 'rejected', 'misconfigured', 'gave_up'),
        fc.oneof(
          fc.string(),
          fc.constantFrom('Unregistered', 'BadTopic', 'Shutdown', undefined),
          fc.integer({ min: 0, max: 999 }).map((n) => `status ${n}`),
          fc.integer({ min: 100, max: 599 }).map((n) => `status ${n}, not from Apple`),
        ),
        (outcome, reason) => {
          metrics.pushSettled(outcome, reason);
        },
      ),
      { numRuns: 1000 },
    );
    expect([...(await samplesOf(metrics)).keys()]).toEqual(before);
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
    expect(samples.get('xapplepush_collections{kind="calendar"}')).toBe(3);
    expect(samples.get('xapplepush_collections{kind="contacts"}')).toBe(0);
    expect(samples.get('xapplepush_store_readable')).toBe(1);
    expect(samples.get('xapplepush_last_success_timestamp_seconds')).toBe(1_700_000_000.5);
    const end = 'xapplepush_certificate_expiry_timestamp_seconds';
    expect(samples.get(`${end}{topic="com.apple.mail.XServer.test"}`)).toBe(1_800_000_000);
    const usable = [...samples].filter(([name]) => name.startsWith('xapplepush_credential_usable'));
    expect(usable.map(([, value]) => value)).toEqual([1, 0]);
    state = {
      ...{ ...STATE, targets: 43, lastSuccessMs: undefined },
      certificates: [{ topic: 'another', endsMs: 5000 }],
    };
    const later = await samplesOf(metrics);
    expect(later.get('xapplepush_targets')).toBe(43);
    expect(later.get('xapplepush_last_success_timestamp_seconds')).toBe(0);
    expect([...later].filter(([name]) => name.startsWith(end))).toEqual([[`${end}{topic="another"}`, 5]]);
  });

  test('holds no control or direction of a certificate raw', async () => {
    const metrics = createMetrics();
    metrics.watch(() =>
      Promise.resolve({ ...STATE, certificates: [{ topic: 'a\u009b\u202eb', endsMs: 1000 }] }),
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
    metrics.watch(() => Promise.reject(new Error('disk I/O error')), {
      doors: () => [
        { door: 'cyrus', isOpen: true },
        { door: 'http', isOpen },
      ],
      spool: () => Promise.reject(new Error('EACCES')),
    });
    const doors = async (): Promise<unknown> =>
      [...(await samplesOf(metrics))].filter(([name]) => name.includes('door_open'));
    const cyrus = ['xapplepush_door_open{door="cyrus"}', 1];
    expect(await doors()).toEqual([cyrus, ['xapplepush_door_open{door="http"}', 0]]);
    isOpen = true;
    expect(await doors()).toEqual([cyrus, ['xapplepush_door_open{door="http"}', 1]]);
  });

  test('of the spool is there whatever the database says, and absent where it cannot be looked at', async () => {
    const log = recordedLog();
    const metrics = createMetrics({ log });
    let spool = (): Promise<SpoolFigures> => Promise.resolve({ waiting: 3, bad: 1, oldestMs: 90_500 });
    metrics.watch(() => Promise.reject(new Error('disk I/O error')), {
      doors: () => [],
      spool: () => spool(),
    });
    const shown = async (): Promise<unknown> =>
      [...(await samplesOf(metrics))].filter(([name]) => name.includes('spool_file'));
    expect(await shown()).toEqual([
      ['xapplepush_spool_files{state="waiting"}', 3],
      ['xapplepush_spool_files{state="bad"}', 1],
      ['xapplepush_oldest_spool_file_seconds', 90.5],
    ]);
    spool = () => Promise.reject(new Error('EACCES: spool/new'));
    expect(await shown()).toEqual([]);
    expect(log.entries.at(-1)).toMatchObject({ level: 'warn', fields: { reason: 'EACCES: spool/new' } });
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
  expect((await samplesOf(other)).get('xapplepush_events_total{door="http",event="MessageNew"}')).toBe(0);
  expect(await other.text()).toMatch(/^process_resident_memory_bytes \d+$/m);
  expect(await createMetrics().text()).not.toContain('process_');
});
