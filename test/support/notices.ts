import type { Config } from '../../src/config/config.ts';
import { readConfig } from '../../src/config/read.ts';
import type { NewEndpoint, ServiceName } from '../../src/services/endpoint.ts';
import type { Addressee, Notice, Service, ServiceOutcome } from '../../src/services/service.ts';
import type { EndpointVerbs, NoticeRequest } from '../../src/store/endpoints.ts';
import { EDITION } from './control.ts';
import { NOW_MS } from './store.ts';

export const EVERY_SERVICE: readonly ServiceName[] = ['deltachat', 'webpush', 'webhook'];
export const THROTTLE_MS = 10_000;
export const GIVE_UP_MS = 3_600_000;

/** The defaults, in which every service is switched off. */
export function configFor(store: string, changes: Partial<Config> = {}): Config {
  const reading = readConfig(undefined, undefined);
  if (!('config' in reading)) throw new Error('the defaults are no configuration');
  return { ...reading.config, edition: EDITION, store, ...changes };
}

export interface Sent {
  endpoint: Addressee;
  notice: Notice;
}

/** A service of the tests, which keeps what it is sent and answers as it is told. */
export interface FakeService extends Service {
  sent: Sent[];
  isClosed: boolean;
}

export function fakeService(
  name: ServiceName,
  answer: (sent: Sent, times: number) => ServiceOutcome | Promise<ServiceOutcome> = () => ({
    kind: 'delivered',
  }),
): FakeService {
  const service: FakeService = {
    name,
    giveUpMs: GIVE_UP_MS,
    sent: [],
    isClosed: false,
    send: async (endpoint, notice) => {
      const sent = { endpoint, notice };
      service.sent.push(sent);
      return answer(sent, service.sent.length);
    },
    close: () => {
      service.isClosed = true;
      return Promise.resolve();
    },
  };
  return service;
}

/** An endpoint of Web Push at that host. */
export function newEndpoint(n: number, changes: Partial<NewEndpoint> & { host?: string } = {}): NewEndpoint {
  const { host = 'push.example.org', ...others } = changes;
  return {
    ...{ user: 'alice', service: 'webpush', expiresMs: null },
    address: JSON.stringify({ endpoint: `https://${host}/secret-${n}` }),
    fingerprint: n.toString(16).padStart(8, '0').padEnd(64, '0'),
    ...others,
  };
}

/** Registers it, proven unless it says otherwise; gives its id. */
export async function withEndpoint(
  store: EndpointVerbs,
  n: number,
  changes: Parameters<typeof newEndpoint>[1] & { isProven?: boolean; nowMs?: number } = {},
): Promise<number> {
  const { isProven = true, nowMs = NOW_MS, ...endpoint } = changes;
  const request = { nowMs, maxPerUser: 1000, isProven };
  return (await store.registerEndpoint(newEndpoint(n, endpoint), request)).id;
}

let made = 0;

export function newNoticeId(): string {
  return `notice ${(made += 1)}`;
}

export function newMail(changes: Partial<NoticeRequest> = {}): NoticeRequest {
  const nowMs = changes.nowMs ?? NOW_MS;
  return {
    ...{ users: ['alice'], services: EVERY_SERVICE, nowMs, throttleMs: THROTTLE_MS, newId: newNoticeId },
    notice: { event: 'MessageNew', mailbox: 'INBOX', eventMs: nowMs },
    ...changes,
  };
}
