import { deltaChatEndpoint } from '../doors/dict-deltachat.ts';
import { type Endpoint, type NewEndpoint, SERVICE_NAMES, type ServiceName } from '../services/endpoint.ts';
import { webhookEndpoint } from '../services/webhook.ts';
import { readSubscription, webPushEndpoint } from '../services/webpush/subscription.ts';
import { instantOf, instantText } from './instant.ts';

/** An endpoint as a line of an export has it; the user as the store has it, or as a person writes it. */
export interface EndpointLine {
  endpoint: NewEndpoint;
  /** When it was registered last. */
  renewedMs: number;
  isProven: boolean;
}

/** One line of JSON, with the whole address, which is a secret. Pure. */
export function endpointLine({ user, service, address, renewedMs, expiresMs, provenMs }: Endpoint): string {
  const times = {
    renewed: instantText(renewedMs),
    expires: expiresMs === null ? null : instantText(expiresMs),
    proven: provenMs !== null,
  };
  return `${JSON.stringify({ user, service, address, ...times })}\n`;
}

/** What the line says, or what is wrong with it, never with the address. Pure. */
export function readEndpointLine(text: string): EndpointLine | { problem: string } {
  const fields = fieldsOf(text);
  if (fields === undefined) return { problem: 'expected an endpoint in JSON' };
  const { user, service, address, renewed, expires, proven } = fields;
  if (typeof user !== 'string' || user === '') return { problem: 'user: expected a name' };
  if (!isService(service)) return { problem: `service: expected one of ${SERVICE_NAMES.join(', ')}` };
  const times = timesOf(renewed, expires);
  if ('problem' in times) return times;
  if (typeof proven !== 'boolean') return { problem: 'proven: expected true or false' };
  const endpoint = typeof address === 'string' ? endpointAt(service, address, user) : undefined;
  if (endpoint === undefined) return { problem: `address: expected one of ${service}` };
  if ('problem' in endpoint) return { problem: `address: ${endpoint.problem}` };
  const { renewedMs, expiresMs } = times;
  return { endpoint: { ...endpoint, user, expiresMs }, renewedMs, isProven: proven };
}

function timesOf(
  renewed: unknown,
  expires: unknown,
): { renewedMs: number; expiresMs: number | null } | { problem: string } {
  const renewedMs = typeof renewed === 'string' ? instantOf(renewed) : undefined;
  if (renewedMs === undefined) return { problem: 'renewed: expected a time such as 2026-01-31T12:00:00Z' };
  if (expires === null) return { renewedMs, expiresMs: null };
  const expiresMs = typeof expires === 'string' ? instantOf(expires) : undefined;
  return expiresMs === undefined
    ? { problem: 'expires: expected a time, or null' }
    : { renewedMs, expiresMs };
}

function fieldsOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined; // told as no endpoint
  }
}

function isService(value: unknown): value is ServiceName {
  return (SERVICE_NAMES as readonly unknown[]).includes(value);
}

/** By the same fingerprint as when it registered. */
function endpointAt(
  service: ServiceName,
  address: string,
  user: string,
): Pick<NewEndpoint, 'service' | 'address' | 'fingerprint'> | { problem: string } | undefined {
  if (service === 'deltachat') return deltaChatEndpoint(address);
  if (service === 'webhook') return URL.canParse(address) ? webhookEndpoint(address, user) : undefined;
  const subscription = readSubscription(address);
  return 'problem' in subscription ? subscription : webPushEndpoint(subscription, user);
}
