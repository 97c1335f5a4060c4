import { collectDefaultMetrics, Counter, Gauge, Histogram, type LabelValues, Registry } from 'prom-client';
import type { DoorName } from '../doors/receive.ts';
import type { CollectionKind } from '../mailboxes/collection.ts';
import { messageOf } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import type { SpoolFigures } from './figures.ts';
import { createGauges, show, showDoors, showSpool } from './gauges.ts';
import {
  createNoticeMetrics,
  type MetricMakers,
  type NoticeFigures,
  type NoticeMetrics,
} from './notice-metrics.ts';
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
  /** Absent where no service but Apple's is switched on. */
  notices?: NoticeFigures | undefined;
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
  /** Those of other push services; a host without them never asks for them. */
  notices(): NoticeMetrics;
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
  const gauges = createGauges(makersFor(registry));
  let state: (() => Promise<MetricsState>) | undefined;
  let watched: Watched | undefined;
  let notices: NoticeMetrics | undefined;
  if (defaultMetrics) collectOfProcess(registry);
  return {
    eventReceived: (door, name) => events.inc({ ...eventLabels(door, name) }),
    pushSettled: (outcome, reason) => pushes.inc({ ...pushLabels(outcome, reason) }),
    // The clock may be set back in between.
    observeLatency: (eventMs, answeredMs) => latency.observe(Math.max(0, answeredMs - eventMs) / 1000),
    notices: () => (notices ??= createNoticeMetrics(makersFor(registry))),
    watch: (newState, newWatched) => {
      state = newState;
      watched = newWatched;
    },
    text: async () => {
      const told = state && (await asked(state, 'the database cannot be asked', log));
      if (state !== undefined) show(gauges, told);
      notices?.show(told?.notices);
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
function counter(registry: Registry, name: string, help: string, series: readonly object[]): Counter {
  const made = makersFor(registry).counter(name, help, ...Object.keys(series[0] ?? {}));
  for (const labels of series) made.inc(labels as LabelValues<string>, 0);
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

function makersFor(registry: Registry): MetricMakers {
  const named = (name: string, help: string, labelNames: string[]) => ({
    ...{ name: `xapplepush_${name}`, help, labelNames, registers: [registry] },
  });
  return {
    counter: (name, help, ...labels) => new Counter(named(name, help, labels)),
    gauge: (name, help, ...labels) => new Gauge(named(name, help, labels)),
  };
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
