import { timeText } from '../process/text.ts';
import type { Endpoint } from '../services/endpoint.ts';
import { endpointName } from '../services/endpoint-name.ts';
import type { Layout } from '../terminal/layout.ts';

export const HEADINGS = [
  'ID',
  'USER',
  'SERVICE',
  'ENDPOINT',
  'RENEWED',
  'RUNS OUT',
  'LAST SUCCESS',
  'LAST ERROR',
] as const;

export function rowOf(endpoint: Endpoint, { time }: Layout): string[] {
  const { id, user, service, renewedMs, expiresMs, lastSuccessMs, provenMs } = endpoint;
  return [
    ...[String(id), user, service, endpointName(endpoint)],
    ...[time(renewedMs), time(expiresMs), time(lastSuccessMs)],
    `${provenMs === null ? 'not proven: ' : ''}${errorOf(endpoint)}`,
  ];
}

function errorOf({ failures, lastError, provenMs }: Endpoint): string {
  if (failures > 0) return `${lastError ?? ''} (${failures} in a row)`;
  return provenMs === null ? 'no answer yet' : '';
}

/** An endpoint for `--json`. */
export type ShownEndpoint = Record<string, string | number | null>;

/** Without its address, which is a secret; times in ISO 8601. */
export function shown(endpoint: Endpoint): ShownEndpoint {
  const time = (ms: number | null): string | null => (ms === null ? null : timeText(ms));
  return {
    id: endpoint.id,
    user: endpoint.user,
    service: endpoint.service,
    endpoint: endpointName(endpoint),
    registered: time(endpoint.registeredMs),
    renewed: time(endpoint.renewedMs),
    expires: time(endpoint.expiresMs),
    proven: time(endpoint.provenMs),
    lastSuccess: time(endpoint.lastSuccessMs),
    lastError: endpoint.lastError,
    lastErrorAt: time(endpoint.lastErrorMs),
    failures: endpoint.failures,
  };
}
