import type { Counter, Gauge } from 'prom-client';
import type { ServiceName } from '../services/endpoint.ts';
import type { ServiceOutcome } from '../services/service.ts';

/** How an attempt ends, or a notice that became too old. */
export type NoticeEnding = ServiceOutcome['kind'] | 'gave_up';

/** What is asked for at each scrape, where a service but Apple's is switched on. */
export interface NoticeFigures {
  /** Of each service that is switched on. */
  endpoints: Partial<Record<ServiceName, number>>;
  waiting: number;
  /** The age of the oldest notice that waits; 0 where none does. */
  oldestMs: number;
}

/** The series of other push services, which a host without them does not have. */
export interface NoticeMetrics {
  /** Has these services' series, from 0, from now on. */
  have(services: readonly ServiceName[]): void;
  settled(service: ServiceName, ending: NoticeEnding): void;
  /** Undefined where it is not to be had. */
  show(figures: NoticeFigures | undefined): void;
}

const ENDINGS: readonly NoticeEnding[] = [
  'delivered',
  'gone',
  'retry',
  'rejected',
  'misconfigured',
  'gave_up',
];

/** Makes counters and gauges of the program, by a name without its prefix. */
export interface MetricMakers {
  counter: (name: string, help: string, ...labels: string[]) => Counter;
  gauge: (name: string, help: string, ...labels: string[]) => Gauge;
}

export function createNoticeMetrics({ counter, gauge }: MetricMakers): NoticeMetrics {
  const settled = counter(
    'notices_total',
    'Attempts to send a notice to another push service that have ended, and notices given up, by outcome.',
    ...['service', 'outcome'],
  );
  const endpoints = gauge('endpoints', 'Registered endpoints of other push services.', 'service');
  const waiting = gauge('waiting_notices', 'Notices that wait for another push service to take them.');
  const oldest = gauge(
    'oldest_waiting_notice_seconds',
    'Age of the oldest notice that waits; 0 where none does.',
  );
  return {
    have: (services) => {
      for (const service of services) for (const outcome of ENDINGS) settled.inc({ service, outcome }, 0);
    },
    settled: (service, outcome) => settled.inc({ service, outcome }),
    show: (figures) => {
      for (const each of [waiting, oldest]) each.remove();
      endpoints.reset();
      if (figures === undefined) return;
      waiting.set(figures.waiting);
      oldest.set(figures.oldestMs / 1000);
      for (const [service, count] of Object.entries(figures.endpoints)) endpoints.set({ service }, count);
    },
  };
}
