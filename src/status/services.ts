import type { Config } from '../config/config.ts';
import { countOf, spanText, timeAndAge, timeText } from '../process/text.ts';
import { enabledServices } from '../services/enabled.ts';
import type { ServiceName } from '../services/endpoint.ts';
import type { EndpointCount } from '../store/endpoints.ts';
import type { Store } from '../store/store.ts';
import { attention, type Rule } from './finding.ts';
import type { Row } from './screen.ts';

/** What there is to know of push services beside Apple's. Times are milliseconds since the epoch. */
export interface ServicesLook {
  /** Of each that is switched on. */
  endpoints: Partial<Record<ServiceName, EndpointCount>>;
  waiting: number;
  /** When the oldest notice that waits was taken; undefined where none waits. */
  oldestMs: number | undefined;
}

/** The same for programs. */
export interface ServicesJson {
  endpoints: Partial<Record<ServiceName, EndpointCount>>;
  waiting: number;
  oldestWaiting: string | null;
}

/** Undefined where none is switched on: then nothing is asked. Throws StoreError. */
export async function servicesOf(
  config: Config,
  store: Store,
  nowMs: number,
): Promise<ServicesLook | undefined> {
  const services = enabledServices(config);
  if (services.length === 0) return undefined;
  const counts = await store.countEndpoints(nowMs);
  const { notices, oldestMs } = await store.countNotices();
  return {
    endpoints: Object.fromEntries(services.map((service) => [service, counts[service]])),
    waiting: notices,
    oldestMs,
  };
}

/** No attempt is put off for so long before the fourth in a row has failed. */
const PATIENCE_MS = 10 * 60_000;

/** A notice that has waited for PATIENCE_MS: attention. */
export const lateNotices: Rule = ({ services, targets: { served }, nowMs }) => {
  if (services?.oldestMs === undefined || nowMs - services.oldestMs < PATIENCE_MS) return undefined;
  const text = `a notice to another push service has waited for ${spanText(nowMs - services.oldestMs)}`;
  return attention(text, served === undefined ? NOBODY_SENDS : 'xapplepush log tells why');
};

const NOBODY_SENDS = 'start xapplepush serve, or have xapplepush flush run: nobody else sends notices';

const NAMES: Readonly<Record<ServiceName, string>> = {
  deltachat: 'delta chat',
  webpush: 'web push',
  webhook: 'webhooks',
};

/** A row for each service, and one for what waits. */
export function serviceRows({
  services,
  nowMs,
}: {
  services?: ServicesLook | undefined;
  nowMs: number;
}): Row[] {
  if (services === undefined) return [];
  const rows = Object.entries(services.endpoints).map(([service, count]): Row => {
    const { endpoints, users, unproven, failing } = count;
    const parts = [
      `${countOf(endpoints, 'endpoint')}, of ${countOf(users, 'user')}`,
      ...(unproven > 0 ? [`${unproven} not proven yet`] : []),
      ...(failing > 0 ? [`of ${failing} the latest notice failed`] : []),
    ];
    return {
      ...{ name: NAMES[service as ServiceName], text: parts.join('; ') },
      tone: failing > 0 ? 'attention' : 'plain',
    };
  });
  const { waiting, oldestMs } = services;
  const since = oldestMs === undefined ? '' : `, the oldest since ${timeAndAge(oldestMs, nowMs)}`;
  return [...rows, { name: 'notices', text: `${waiting} waiting${since}`, tone: 'plain' }];
}

export function servicesJson({ endpoints, waiting, oldestMs }: ServicesLook): ServicesJson {
  return { endpoints, waiting, oldestWaiting: oldestMs === undefined ? null : timeText(oldestMs) };
}
