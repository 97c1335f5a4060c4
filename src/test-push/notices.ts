import { randomUUID } from 'node:crypto';
import type { Config } from '../config/config.ts';
import { NOTICE_TIMEOUT_MS } from '../delivery/notice-sending.ts';
import { endpointEntry } from '../history/entries.ts';
import type { History } from '../history/history.ts';
import { INBOX } from '../mailboxes/mailbox.ts';
import { comparableUser } from '../mailboxes/user-name.ts';
import { isSameInAscii } from '../process/ascii-case.ts';
import type { Clock } from '../process/clock.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';
import type { Endpoint, NewEndpoint, ServiceName } from '../services/endpoint.ts';
import type { Notice, Service, ServiceOutcome } from '../services/service.ts';
import { openServices } from '../services/services.ts';
import { settlementOfNotice } from '../services/settlement.ts';
import { webhookEndpoint } from '../services/webhook.ts';
import { withStore } from '../store/configured.ts';
import type { Store } from '../store/store.ts';
import { answered, exitCodeOf, type TestNotice, testNotice, whyExpired } from './notice-report.ts';

export interface TestNoticeOptions {
  config: Config;
  clock: Clock;
  /** That an endpoint is gone is written there. */
  history: History;
  user: string;
  service: ServiceName;
  /** As its owner sees it. */
  mailbox: string;
  timeoutMs?: number;
  /** By default those of the configuration. */
  services?: ReturnType<typeof openServices>;
}

/**
 * Sends a notice to each of the user's endpoints of that service, past what waits, and notes nothing of it but that an
 * endpoint is gone, which is removed. Throws OperatorError: 65 where the user has none, 75 where the database cannot be
 * used, 78 where the service is switched off.
 */
export async function noticeToUser(
  options: TestNoticeOptions,
): Promise<{ notices: TestNotice[]; exitCode: ExitCode }> {
  const services = options.services ?? openServices(options.config, options);
  const service = services.get(options.service);
  if (service === undefined) throw switchedOff(options.service);
  try {
    const notices = await withEndpoints(options, (endpoints, store) =>
      Promise.all(endpoints.map((endpoint) => noticeTo(endpoint, { service, store, options }))),
    );
    return { notices, exitCode: exitCodeOf(notices) };
  } finally {
    await Promise.all([...services.values()].map((each) => each.close()));
  }
}

/** One that the administrator has named need not be in the store: it is written down at a user's first event. */
type Addressed = Endpoint | NewEndpoint;

async function withEndpoints(
  { config, user, service }: TestNoticeOptions,
  body: (endpoints: Addressed[], store?: Store) => Promise<TestNotice[]>,
): Promise<TestNotice[]> {
  const name = comparableUser(user, config.users);
  if (service === 'webhook') return body(config.webhook.urls.map((url) => webhookEndpoint(url, name)));
  return withStore(config, async (store) => {
    const endpoints = await store.listEndpoints({ user: name, service }, { afterId: 0, limit: MOST });
    if (endpoints.length === 0) throw noEndpoint(user, service);
    return body(endpoints, store);
  });
}

/** Far more than a user can have. */
const MOST = 1000;

interface Means {
  service: Service;
  store: Store | undefined;
  options: TestNoticeOptions;
}

async function noticeTo(endpoint: Addressed, { service, store, options }: Means): Promise<TestNotice> {
  const { clock, timeoutMs = NOTICE_TIMEOUT_MS } = options;
  const nowMs = clock.nowMs();
  const mailbox = isSameInAscii(options.mailbox, INBOX) ? INBOX : options.mailbox;
  const expired = whyExpired(endpoint, nowMs);
  if (expired !== undefined) return testNotice(endpoint, mailbox, { result: 'unsent', meaning: expired });
  const notice: Notice = { id: randomUUID(), event: 'test', mailbox, eventMs: nowMs };
  const outcome = await service.send(endpoint, notice, timeoutMs);
  const isRemoved =
    store !== undefined &&
    'id' in endpoint &&
    (await removeGone(endpoint, outcome, { store, options, service }));
  return testNotice(endpoint, mailbox, answered(service.name, outcome, isRemoved));
}

/** Unless it has been registered again meanwhile. */
async function removeGone(
  endpoint: Endpoint,
  outcome: ServiceOutcome,
  { store, options: { clock, history }, service: { giveUpMs } }: Means & { store: Store },
): Promise<boolean> {
  const nowMs = clock.nowMs();
  const age = { attempts: 1, eventMs: nowMs, enqueuedMs: nowMs };
  if (!settlementOfNotice(age, outcome, { nowMs, giveUpMs, random: 0 }).removeEndpoint) return false;
  const removed = await store.removeEndpoints({ id: endpoint.id, renewedBeforeMs: endpoint.renewedMs + 1 });
  for (const each of removed) history.record(endpointEntry(each, 'removed', nowMs));
  return removed.length > 0;
}

const SWITCHES: Readonly<Record<ServiceName, string>> = {
  deltachat: 'deltachat.enabled: true',
  webpush: 'webpush.enabled: true',
  webhook: 'an address in webhook.urls',
};

function switchedOff(service: ServiceName): OperatorError {
  return new OperatorError(`the push service ${service} is switched off`, {
    exitCode: ExitCode.configuration,
    hint: `${SWITCHES[service]} switches it on`,
  });
}

function noEndpoint(user: string, service: ServiceName): OperatorError {
  return new OperatorError(`user ${JSON.stringify(user)} has no endpoint of ${service}`, {
    exitCode: ExitCode.badInput,
    hint: 'see who has: xapplepush endpoints list',
  });
}
