import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { KNOWN_ANSWERS } from '../apns/answers.ts';
import type { Outcome } from '../outbox/outcome.ts';
import type { DoorName } from '../doors/receive.ts';
import { messageOf } from '../process/errors.ts';
import { CHANGE_NAMES } from '../events/mail-event.ts';
import type { Log } from '../process/log.ts';
import { visible } from '../process/text.ts';
import { VERSION } from '../installation.ts';

/** What is asked for at each scrape. */
export interface MetricsState {
  waitingRows: number;
  /** The age of the oldest waiting push; 0 where none waits. */
  oldestMs: number;
  /** To Apple. */
  connections: number;
  certificateDaysLeft: { topic: string; days: number }[];
  /** By the names that the configuration gives them, such as apns.also[1]. */
  credentials: { credential: string; usable: boolean }[];
  targets: number;
}

/** Whether a door is open as the configuration wants it. */
export interface DoorState {
  door: string;
  isOpen: boolean;
}

export interface MetricsOptions {
  /** Those of the process and of Node too; false by default. */
  defaultMetrics?: boolean;
  log?: Pick<Log, 'warn'>;
}

export interface Metrics {
  /** `name` as in RFC 5423, or registration, ignored, bad. */
  eventReceived(door: DoorName, name: string): void;
  /** `reason` is that of the outcome; undefined for a push that Apple took. */
  pushSettled(outcome: Outcome['kind'] | 'gave_up', reason: string | undefined): void;
  /** From the event to Apple's answer; both in milliseconds since the epoch. */
  observeLatency(eventMs: number, answeredMs: number): void;
  /** Names the functions that are asked at each scrape from now on; undefined for none. */
  watch(state: (() => Promise<MetricsState>) | undefined, doors?: () => readonly DoorState[]): void;
  /** The text format of Prometheus. Where the state is not to be had, its gauges are absent. */
  text(): Promise<string>;
}

/** Metrics of this process, in a registry of their own. */
export function createMetrics({ defaultMetrics = false, log }: MetricsOptions = {}): Metrics {
  const registry = new Registry();
  const events = eventCounter(registry);
  const pushes = pushCounter(registry);
  const latency = latencyHistogram(registry);
  const gauges = createGauges(registry);
  let state: (() => Promise<MetricsState>) | undefined;
  let doors = (): readonly DoorState[] => [];
  if (defaultMetrics) collectDefaultMetrics({ register: registry });
  return {
    eventReceived: (door, name) => events.inc({ door, event: EVENT_NAMES.has(name) ? name : OTHER }),
    pushSettled: (outcome, reason) => pushes.inc({ outcome, reason: reasonLabel(reason) }),
    // The clock may be set back in between.
    observeLatency: (eventMs, answeredMs) => latency.observe(Math.max(0, answeredMs - eventMs) / 1000),
    watch: (newState, newDoors = () => []) => {
      state = newState;
      doors = newDoors;
    },
    text: async () => {
      if (state !== undefined) show(gauges, await stateOf(state, log));
      showDoors(gauges, doors());
      return registry.metrics();
    },
  };
}

const EVENT_NAMES = new Set<string>([...CHANGE_NAMES, 'registration', 'ignored', 'bad']);

/** Stands for every value that is not known beforehand: strangers must not make series. */
const OTHER = 'other';

function eventCounter(registry: Registry): Counter<'door' | 'event'> {
  return new Counter({
    name: 'xapplepush_events_total',
    help: 'Events received, by door and by name.',
    labelNames: ['door', 'event'],
    registers: [registry],
  });
}

function pushCounter(registry: Registry): Counter<'outcome' | 'reason'> {
  const counter = new Counter({
    name: 'xapplepush_pushes_total',
    help: 'Attempts to push that have ended, by outcome and by reason.',
    labelNames: ['outcome', 'reason'],
    registers: [registry],
  });
  // A series that begins with its first event looks to increase() as if nothing had happened.
  for (const { ruling, reasons } of KNOWN_ANSWERS) {
    for (const reason of typeof reasons === 'string' ? [] : reasons)
      counter.inc({ outcome: ruling.kind, reason }, 0);
  }
  counter.inc({ outcome: 'delivered', reason: reasonLabel(undefined) }, 0);
  return counter;
}

const REASONS = new Set(
  KNOWN_ANSWERS.flatMap(({ reasons }) => (typeof reasons === 'string' ? [] : [...reasons])),
);

/** Apple's reasons, `status 503` and its like where Apple gave none, and `other`. */
function reasonLabel(reason: string | undefined): string {
  if (reason === undefined) return 'none';
  return REASONS.has(reason) || /^status [1-5]\d\d(, not from Apple)?$/.test(reason) ? reason : OTHER;
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

type Gauges = Record<
  'readable' | 'waiting' | 'oldest' | 'connections' | 'targets' | 'certificateDays' | 'usable' | 'doorOpen',
  Gauge
>;

function createGauges(registry: Registry): Gauges {
  const gauge = (name: string, help: string, ...labelNames: string[]): Gauge =>
    new Gauge({ name: `xapplepush_${name}`, help, labelNames, registers: [registry] });
  gauge('build_info', 'Always 1; the version is the label.', 'version').set({ version: VERSION }, 1);
  const gauges = {
    readable: gauge('store_readable', 'Whether the database could be asked: 1 or 0.'),
    waiting: gauge('waiting_pushes', 'Pushes that wait for Apple to take them.'),
    oldest: gauge('oldest_waiting_push_seconds', 'Age of the oldest push that waits; 0 where none does.'),
    connections: gauge('apns_connections', 'Open connections to Apple.'),
    targets: gauge('targets', 'Registered devices, one for each account on them.'),
    certificateDays: gauge('certificate_remaining_days', 'Days until the certificate expires.', 'topic'),
    usable: gauge(
      'credential_usable',
      'Whether pushes can be sent with the credential: 1 or 0.',
      'credential',
    ),
    doorOpen: gauge('door_open', 'Whether the door is open as it is configured: 1 or 0.', 'door'),
  };
  forget(gauges);
  gauges.readable.remove();
  return gauges;
}

/** Without a value there is no sample: prom-client's own 0 is nothing that anybody has found out. */
function forget({ waiting, oldest, connections, targets, certificateDays, usable }: Gauges): void {
  for (const gauge of [waiting, oldest, connections, targets]) gauge.remove();
  certificateDays.reset();
  usable.reset();
}

async function stateOf(
  state: () => Promise<MetricsState>,
  log: MetricsOptions['log'],
): Promise<MetricsState | undefined> {
  try {
    return await state();
  } catch (error) {
    log?.warn('metrics: the database cannot be asked', { reason: messageOf(error) });
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
  for (const { topic, days } of state.certificateDaysLeft)
    gauges.certificateDays.set({ topic: visible(topic) }, days);
  for (const { credential, usable } of state.credentials) gauges.usable.set({ credential }, usable ? 1 : 0);
}

/** Whatever the database says. */
function showDoors({ doorOpen }: Gauges, doors: readonly DoorState[]): void {
  doorOpen.reset();
  for (const { door, isOpen } of doors) doorOpen.set({ door }, isOpen ? 1 : 0);
}
