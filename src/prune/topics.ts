import { inspectCredentials, type Inspection, loadCredentials } from '../apns/credentials/credentials.ts';
import type { Config } from '../config/config.ts';
import { apsTopicOf, collectionTopicsOf, readImapdConf } from '../config/imapd-conf.ts';
import type { TopicUse } from '../targets/record.ts';

/** A phone in use registers about once a day: a topic under which none did is used by none. */
const IN_USE_MS = 24 * 60 * 60_000;

/**
 * The topics that are ours: those of every credential that is configured, one that has expired included, and the one
 * that Cyrus hands to phones. Throws OperatorError (exit 78) where a credential cannot be loaded or imapd.conf not be
 * read: what we do not know of must not look unused.
 */
export function ownTopics({ apns, imapdConf }: Config, nowMs: number): Set<string> {
  const loaded = loadCredentials(apns, nowMs).flatMap(({ topics }) => topics);
  const configured = inspectCredentials(apns, nowMs).flatMap(topicsOf);
  const { options } = readImapdConf(imapdConf);
  const ofCollections = Object.values(collectionTopicsOf(options));
  return new Set([...loaded, ...configured, apsTopicOf(options) ?? '', ...ofCollections]);
}

function topicsOf({ topic, ...inspection }: Inspection): string[] {
  const further = inspection.kind === 'certificate' ? inspection.identity?.facts : undefined;
  return [topic ?? '', ...(further?.uids ?? []), ...(further?.topicList ?? [])];
}

/**
 * Those that are not ours and that no phone has registered under within a day. One that phones still register under is
 * more likely our mistake than unused: a registration must not be lost to it. Pure.
 */
export function unusedTopics(
  topics: readonly TopicUse[],
  own: ReadonlySet<string>,
  nowMs: number,
): TopicUse[] {
  return topics.filter(
    ({ topic, renewedMs }) => topic !== '' && !own.has(topic) && renewedMs < nowMs - IN_USE_MS,
  );
}
