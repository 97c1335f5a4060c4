import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import { type ImapdSettings, WITHOUT_IMAPD_CONF } from '../config/imapd-conf.ts';
import { messageOf } from '../process/errors.ts';
import type { Store } from '../store/store.ts';
import type { RegisterResult } from '../store/intake.ts';
import type { Registration } from '../events/mail-event.ts';
import { targetEntry } from '../history/entries.ts';
import type { History } from '../history/history.ts';
import type { Log } from '../process/log.ts';
import { NotRegistered, StoreError } from '../store/errors.ts';
import { createTopicSource } from './registration-topic.ts';
import { admit, type NewTarget, type Refusal } from '../targets/target.ts';

export interface RegisteringOptions {
  config: Config;
  clock: Clock;
  log: Log;
  history: History;
  /** Knows what devices were told before. */
  store: () => Store | Promise<Store>;
}

/** Gives the topic that the device may be told, '' where none is known. Throws NotRegistered. */
export type RegisterDevice = (
  registration: Registration,
  imapd: () => ImapdSettings,
  store: () => Store | Promise<Store>,
  arrival: Arrival,
) => Promise<{ topic: string } | Refusal>;

/** How a registration came. */
export interface Arrival {
  /** When the device registered, where that was before. */
  atMs?: number | undefined;
  /** As RegistrationRules have it. */
  byHttp?: boolean;
}

/** Takes registrations into the database, each for the topic that its device was or is told. */
export function createRegistering(options: RegisteringOptions): RegisterDevice {
  const { config, clock } = options;
  const topicFor = createTopicSource(options);
  return async (registration, imapd, store, { atMs, byHttp = false }) => {
    const { namespace, apsTopic } = settingsFor(registration, imapd, options.log);
    const { sharedMailboxes, maxPerUser } = config.targets;
    const { pluginNamesMailboxes } = config.serve;
    const rules = {
      users: config.users,
      ...{ sharedMailboxes, namespace, topic: '', pluginNamesMailboxes, byHttp },
      dovecotNamespaces: config.dovecot.namespaces,
    };
    const admission = admit(registration, rules);
    if ('refused' in admission) return admission; // before anything is read for it
    const topic = registration.toldTopic ?? (await topicFor(apsTopic)).topic;
    try {
      const target = { ...admission.target, topic };
      const result = await (await store()).register(target, { nowMs: clock.nowMs(), atMs, maxPerUser });
      tell(admission, result, options);
    } catch (error) {
      throw error instanceof StoreError ? new NotRegistered(error, topic) : error;
    }
    return { topic };
  };
}

/** Cyrus's names mean nothing without imapd.conf; others are registered all the same. */
function settingsFor({ source }: Registration, imapd: () => ImapdSettings, log: Log): ImapdSettings {
  try {
    return imapd();
  } catch (error) {
    if (source === 'cyrus') throw error;
    log.warn('a device registers without the aps_topic of imapd.conf', { reason: messageOf(error) });
    return WITHOUT_IMAPD_CONF;
  }
}

/** What became of a registration, for the log and the history. */
export function tell(
  { target, droppedMailboxes }: { target: NewTarget; droppedMailboxes: number },
  { created, replaced, evicted, outdated, leftOut = 0 }: RegisterResult,
  { history, clock, log }: Pick<RegisteringOptions, 'history' | 'clock' | 'log'>,
): void {
  if (outdated) {
    log.info(OUTDATED, { user: target.user, deviceToken: target.deviceToken });
    return;
  }
  const change = created ? 'registered' : 'renewed';
  history.record(targetEntry(target, change, clock.nowMs()));
  log.info(change, {
    user: target.user,
    deviceToken: target.deviceToken,
    accountId: target.accountId,
    mailboxes: target.subscriptions.map(({ name }) => name),
    droppedMailboxes: droppedMailboxes + leftOut || undefined,
    replaced: replaced || undefined,
    evicted: evicted || undefined,
  });
}

const OUTDATED = 'passed over: a registration from the spool, and the device has registered since';
