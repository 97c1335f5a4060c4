import { filesOf, sourcesOf } from '../apns/credentials/source.ts';
import { stateOfFiles } from '../apns/credentials/file-state.ts';
import { isMailTopic } from '../apns/credentials/mail-topics.ts';
import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import type { Store } from '../store/store.ts';
import { messageOf } from '../process/errors.ts';
import type { Log } from '../process/log.ts';

/** The topic that devices are told, and where it stands; '' from nowhere. */
export interface RegistrationTopic {
  topic: string;
  from: 'imapd.conf' | 'apns.topic' | 'the certificate' | 'earlier registrations' | 'nowhere';
}

export interface TopicOptions {
  config: Pick<Config, 'apns'>;
  clock: Clock;
  log: Log;
  /** Knows what devices were told before; absent where that does not count. */
  store?: () => Store | Promise<Store>;
}

/** The topic of a registration that names none itself. `apsTopic` is Cyrus's own, from imapd.conf. */
export type TopicSource = (apsTopic: string | undefined) => Promise<RegistrationTopic>;

/**
 * Names the topic wherever it can be known, since any other answer silences a device for a day: an expired certificate
 * still tells it, and while no certificate can be read it is the one that devices were told before.
 */
export function createTopicSource(options: TopicOptions): TopicSource {
  const { config, log } = options;
  const look = watchCertificate(options);
  let before: string | undefined;
  return async (apsTopic) => {
    if (apsTopic !== undefined) return { topic: apsTopic, from: 'imapd.conf' };
    if (config.apns.topic !== undefined) return { topic: config.apns.topic, from: 'apns.topic' };
    const { topic, reason, changed } = await look();
    if (topic !== undefined) {
      before = topic;
      return { topic, from: 'the certificate' };
    }
    before ??= await toldBefore(options);
    if (before === undefined) {
      log.warn('the topic of this registration is unknown', { reason });
      return { topic: '', from: 'nowhere' };
    }
    if (changed)
      log.warn('devices are told the same topic as before: no certificate tells it', {
        topic: before,
        reason,
      });
    return { topic: before, from: 'earlier registrations' };
  };
}

/** What the certificate's file says. */
interface Found {
  topic: string | undefined;
  /** Why it is of no use, for the log. */
  reason: string;
}

/** Of several certificates in one file another may be the best one as time goes by. */
const LONGEST_MS = 60_000;

/** Looks at the certificate's file, which is read again when it has changed. */
function watchCertificate({
  config: { apns },
  clock,
}: TopicOptions): () => Promise<Found & { changed: boolean }> {
  let seen: (Found & { state: string; readAtMs: number }) | undefined;
  return async () => {
    const [state, nowMs] = [stateOfFiles(filesOf(apns)), clock.nowMs()];
    const changed = seen?.state !== state;
    if (seen === undefined || changed || clock.steadyMs() - seen.readAtMs >= LONGEST_MS)
      seen = { ...(await readTopic(apns, nowMs)), state, readAtMs: clock.steadyMs() };
    return { ...seen, changed };
  };
}

/** Mail watches its own topics only: that of another certificate is of no use to a device. */
async function readTopic(apns: Config['apns'], nowMs: number): Promise<Found> {
  // Only here: where Cyrus names the topic nobody needs it, and a handler's start is what it costs.
  const { inspect } = await import('../apns/credentials/credentials.ts');
  try {
    const { topic, defects } = inspect(sourcesOf(apns)[0], nowMs);
    const reason = defects.map(({ message }) => message).join('; ');
    return { topic: topic !== undefined && isMailTopic(topic) ? topic : undefined, reason };
  } catch (error) {
    return { topic: undefined, reason: messageOf(error) };
  }
}

async function toldBefore({ store, clock, log }: TopicOptions): Promise<string | undefined> {
  if (store === undefined) return undefined;
  try {
    return await (await store()).usualTopic(clock.nowMs());
  } catch (error) {
    log.warn('the database cannot be asked for the topic of earlier registrations', {
      reason: messageOf(error),
    });
    return undefined;
  }
}
