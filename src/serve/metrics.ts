import { collectDefaultMetrics, Counter, Gauge, Histogram, type LabelValues, Registry } from 'prom-client';
import type { DoorName } from '../doors/receive.ts';
import { COLLECTION_KINDS, type CollectionKind } from '../mailboxes/collection.ts';
import { messageOf } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import { visible } from '../process/text.ts';
import { VERSION } from '../process/installation.ts';
import type { SpoolFigures } from './figures.ts';
import { EVENT_SERIES, type Ending, eventLabels, PUSH_SERIES, pushLabels } from './series.ts';

/** What is asked for at each scrape. */
export interface MetricsState {
  waitingRows: number;
  /** The age of the oldest waiting push; 0 where none waits. */
  oldestMs: number;
  /** To Apple. */
  connections: number;
  /** When Apple last took a push; undefined where it never did. Milliseconds since the epoch, as all times here. */
  lastSuccessMs: number | undefined;
  certificates: { topic: string; endsMs: number }[];
  /** By the names that the configuration gives them, such as apns.also[1]. */
  credentials: { credential: string; usable: boolean }[];
  /** Of Mail. */
  targets: number;
  collections: Record<CollectionKind, number>;
}

/** What is asked for at each scrape and is there whatever the database says. */
export interface Watched {
  /** Whether each door is open as the configuration wants it. */
  doors: () => readonly { door: string; isOpen: boolean }[];
  spool: () => Promise<SpoolFigures>;
}

export interface MetricsOptions {
  /** Those of the process and of Node too; false by default. */
  defaultMetrics?: boolean;
  log?: Pick<Log, 'warn'>;
}

export interface Metrics {
  eventReceived(door: DoorName, name: string): void;
  pushSettled(outcome: Ending, reason: string | undefined): void;
  /** From the event to Apple's answer; both in milliseconds since the epoch. */
  observeLatency(eventMs: number, answeredMs: number): void;
  /** Names the functions that are asked at each scrape from now on; undefined for none. */
  watch(state: (() => Promise<MetricsState>) | undefined, watched?: Watched): void;
  /** The text format of Prometheus. Where the state is not to be had, its gauges are absent. */
  text(): Promise<string>;
}

/** Metrics of this process, in a registry of their own. */
export function createMetrics({ defaultMetrics = false, log }: MetricsOptions = {}): Metrics {
  const registry = new Registry();
  const events = counter(registry, 'events_total', 'Events received, by door and by name.', EVENT_SERIES);
  const pushes = counter(
    registry,
    'pushes_total',
    'Attempts to push that have ended, and pushes given up, by outcome and by reason.',
    PUSH_SERIES,
  );
  const latency = latencyHistogram(registry);
  const gauges = createGauges(registry);
  let state: (() => Promise<MetricsState>) | undefined;
  let watched: Watched | undefined;
  if (defaultMetrics) collectOfProcess(registry);
  return {
    eventReceived: (door, name) => events.inc({ ...eventLabels(door, name) }),
    pushSettled: (outcome, reason) => pushes.inc({ ...pushLabels(outcome, reason) }),
    // The clock may be set back in between.
    observeLatency: (eventMs, answeredMs) => latency.observe(Math.max(0, answeredMs - eventMs) / 1000),
    watch: (newState, newWatched) => {
      state = newState;
      watched = newWatched;
    },
    text: async () => {
      if (state !== undefined) show(gauges, await asked(state, 'the database cannot be asked', log));
      showDoors(gauges, watched?.doors() ?? []);
      showSpool(gauges, watched && (await asked(watched.spool, 'the spool cannot be looked at', log)));
      return registry.metrics();
    },
  };
}

/** Those of prom-client, without gauges that are called as counters are. */
function collectOfProcess(registry: Registry): void {
  collectDefaultMetrics({ register: registry });
  for (const { name } of registry.getMetricsAsArray())
    if (/^nodejs_active_\w+_total$/.test(name)) registry.removeSingleMetric(name);
}

/** An alert sees no increase of a series that begins with its first event, so each is there from the start. */
function counter<T extends object>(registry: Registry, name: string, help: string, series: readonly T[]) {
  const labelNames = Object.keys(series[0] ?? {}) as (string & keyof T)[];
  const made = new Counter({ name: `xapplepush_${name}`, help, labelNames, registers: [registry] });
  for (const labels of series) made.inc(labels as LabelValues<string & keyof T>, 0);
  return made;
}

/** The first push of a burst takes a fraction of a second, throttled ones seconds, those of a bad day hours. */
const LATENCY_BUCKETS_S = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86_400];

function latencyHistogram(registry: Registry): Histogram {
  return new Histogram({
    name: 'xapplepush_push_latency_seconds',
    help: 'Time from the event to the answer of Apple.',
    buckets: LATENCY_BUCKETS_S,
    registers: [registry],
  });
}

type Gauges = ReturnType<typeof createGauges>;

function createGauges(registry: Registry) {
  const gauge = (name: string, help: string, ...labelNames: string[]): Gauge =>
    new Gauge({ name: `xapplepush_${name}`, help, labelNames, registers: [registry] });
  gauge('build_info', 'Always 1; the version is the label.', 'version').set({ version: VERSION }, 1);
  const gauges = {
    readable: gauge('store_readable', 'Whether the database could be asked: 1 or 0.'),
    waiting: gauge('waiting_pushes', 'Pushes that wait for Apple to take them.'),
    oldest: gauge('oldest_waiting_push_seconds', 'Age of the oldest push that waits; 0 where none does.'),
    connections: gauge('apns_connections', 'Open connections to Apple.'),
    targets: gauge('targets', 'Registered devices of Mail, one for each account on them.'),
    collections: gauge('collections', 'Subscriptions to calendars and address books, by kind.', 'kind'),
    success: gauge('last_success_timestamp_seconds', 'When Apple last took a push; 0 where it never did.'),
    certificateEnd: gauge('certificate_expiry_timestamp_seconds', 'When the certificate expires.', 'topic'),
    usable: gauge(
      'credential_usable',
      'Whether pushes can be sent with the credential: 1 or 0.',
      'credential',
    ),
    doorOpen: gauge('door_open', 'Whether the door is open as it is configured: 1 or 0.', 'door'),
    spoolFiles: gauge('spool_files', 'Files of the spool: those that wait, and bad ones set aside.', 'state'),
    spoolOldest: gauge('oldest_spool_file_seconds', 'Age of the oldest file that waits; 0 where none does.'),
  };
  forget(gauges);
  gauges.spoolOldest.remove();
  gauges.readable.remove();
  return gauges;
}

/** Without a value there is no sample: prom-client's own 0 is nothing that anybody has found out. */
function forget({
  waiting,
  oldest,
  connections,
  targets,
  collections,
  success,
  certificateEnd,
  usable,
}: Gauges): void {
  for (const gauge of [waiting, oldest, connections, targets, success]) gauge.remove();
  collections.reset();
  certificateEnd.reset();
  usable.reset();
}

async function asked<T>(
  ask: () => Promise<T>,
  failure: string,
  log: MetricsOptions['log'],
): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    log?.warn(`metrics: ${failure}`, { reason: messageOf(error) });
    return undefined;
  }
}

function show(gauges: Gauges, state: MetricsState | undefined): void {
  forget(gauges); // of a topic that is gone nothing stays
  gauges.readable.set(state === undefined ? 0 : 1);
  if (state === undefined) return;
  gauges.waiting.set(state.waitingRows);
  gauges.oldest.set(state.oldestMs / 1000);
  gauges.connections.set(state.connections);
  gauges.targets.set(state.targets);
  for (const kind of COLLECTION_KINDS) gauges.collections.set({ kind }, state.collections[kind]);
  gauges.success.set((state.lastSuccessMs ?? 0) / 1000);
  for (const { topic, endsMs } of state.certificates)
    gauges.certificateEnd.set({ topic: visible(topic) }, endsMs / 1000);
  for (const { credential, usable } of state.credentials) gauges.usable.set({ credential }, usable ? 1 : 0);
}

function showDoors({ doorOpen }: Gauges, doors: ReturnType<Watched['doors']>): void {
  doorOpen.reset();
  for (const { door, isOpen } of doors) doorOpen.set({ door }, isOpen ? 1 : 0);
}

function showSpool({ spoolFiles, spoolOldest }: Gauges, figures: SpoolFigures | undefined): void {
  spoolFiles.reset();
  spoolOldest.remove();
  if (figures === undefined) return;
  spoolFiles.set({ state: 'waiting' }, figures.waiting);
  spoolFiles.set({ state: 'bad' }, figures.bad);
  spoolOldest.set(figures.oldestMs / 1000);
}
