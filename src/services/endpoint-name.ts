import type { Endpoint } from './endpoint.ts';

type Named = Pick<Endpoint, 'service' | 'address' | 'fingerprint'>;

/** So much of the fingerprint tells endpoints apart, and nothing of what they are secret for. */
const SHOWN_CHARACTERS = 8;

/** What an endpoint is called wherever it is shown: where it leads, without the path that is its secret. Pure. */
export function endpointName(endpoint: Named): string {
  const mark = endpoint.fingerprint.slice(0, SHOWN_CHARACTERS);
  const host = hostOf(endpoint);
  return host === undefined ? mark : `${host} ${mark}`;
}

/** Whose server takes its notices, with the port where that is its own; undefined where the configuration names it for all. */
export function hostOf({ service, address }: Named): string | undefined {
  if (service === 'deltachat') return undefined;
  const url = service === 'webpush' ? urlOfSubscription(address) : address;
  return URL.canParse(url) ? new URL(url).host : undefined;
}

function urlOfSubscription(address: string): string {
  try {
    const { endpoint } = JSON.parse(address) as { endpoint?: unknown };
    return typeof endpoint === 'string' ? endpoint : '';
  } catch {
    return ''; // the service refuses it, and says so
  }
}
