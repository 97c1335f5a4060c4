import { groupsIn, WANTED_GROUPS } from '../config/imapd-mistakes.ts';
import { COLLECTION_KINDS } from '../mailboxes/collection.ts';
import { COLLECTION_PREFIXES, collectionOfTopic, OPTIONS } from '../targets/kind.ts';
import type { ImapdPlaces } from './imapd-place.ts';
import { type Point, ok, problem, skipped, warning } from './point.ts';

export const EVENT_NOTIFIER = 'event_notifier';
export const EVENT_GROUPS = 'event_groups';
export const EVENT_CONTENT = 'event content';
export const APS_TOPIC = 'aps_topic';
export const LOGIN = 'login';

type Options = ReadonlyMap<string, string>;

/** What a credential is good for. */
export interface Covered {
  topic: string;
  topics: readonly string[];
}

/**
 * What the options of imapd.conf(5) mean for Mail push; without credentials the topic is not judged. `cyrusConf` is the
 * text of cyrus.conf(5), where there is one. Pure.
 */
export function judgeImapdConf(
  options: Options,
  credentials: readonly Covered[] | undefined,
  { cyrusConf, places = IN_IMAPD_CONF }: { cyrusConf?: string | undefined; places?: ImapdPlaces } = {},
): Point[] {
  return [
    judgeNotifier(options.get('event_notifier'), places),
    ...judgeGroups(options, places),
    ...judgeContent(options, places),
    judgeApsTopic(options.get('aps_topic'), credentials ?? [], places),
    ...judgeCollections(options, credentials ?? [], places),
    judgeLogin(options, cyrusConf, places),
  ];
}

const IN_IMAPD_CONF: ImapdPlaces = { placeOf: () => 'in imapd.conf' };

function judgeNotifier(notifier: string | undefined, { placeOf }: ImapdPlaces): Point {
  if (notifier === 'external') return ok(EVENT_NOTIFIER, 'external');
  const text =
    notifier === undefined
      ? 'not set: Cyrus tells of nothing, and what devices register is lost'
      : `${notifier}: notifyd does not start notify_external`;
  return problem(EVENT_NOTIFIER, text, `${placeOf('event_notifier')}: event_notifier: external`);
}

function judgeGroups(options: Options, { placeOf }: ImapdPlaces): Point[] {
  const fix = `${placeOf('event_groups')}: ${WANTED_GROUPS}`;
  const groups = groupsIn(options);
  const has = (group: string): boolean => groups.includes(group);
  const points: Point[] = [];
  if (!has('applepushservice'))
    points.push(problem(EVENT_GROUPS, 'without applepushservice no device can register', fix));
  if (!has('message'))
    points.push(problem(EVENT_GROUPS, 'without message Cyrus does not tell of new mail', fix));
  if (has('quota'))
    points.push(
      problem(
        EVENT_GROUPS,
        'with quota, Cyrus (3.6.1, 3.10.2) aborts a delivery to a mailbox that is over its quota',
        fix,
      ),
    );
  if (!has('flags'))
    points.push(warning(EVENT_GROUPS, 'without flags a badge stays when mail is read elsewhere', fix));
  if (has('mailbox'))
    points.push(
      warning(
        EVENT_GROUPS,
        'with mailbox notifyd starts the program twice for each delivery, to no use',
        fix,
      ),
    );
  return points.length > 0 ? points : [ok(EVENT_GROUPS, groups.join(' '))];
}

function judgeContent(options: Options, { placeOf }: ImapdPlaces): Point[] {
  const points: Point[] = [];
  const mode = options.get('event_content_inclusion_mode') ?? 'standard';
  if (mode.toLowerCase() !== 'standard')
    points.push(
      problem(
        EVENT_CONTENT,
        `with event_content_inclusion_mode ${mode}, lmtpd and imapd of Cyrus (3.6.1, 3.10.2) abort`,
        `${placeOf('event_content_inclusion_mode')}: remove event_content_inclusion_mode`,
      ),
    );
  if (/(?:^|\s)messagecontent(?:\s|$)/i.test(options.get('event_extra_params') ?? ''))
    points.push(
      problem(
        EVENT_CONTENT,
        'event_extra_params has messageContent, which no push needs',
        `${placeOf('event_extra_params')}: remove that word from event_extra_params`,
      ),
    );
  return points.length > 0 ? points : [ok(EVENT_CONTENT, 'none of a message is asked for')];
}

/** Whether pushes can be sent for the topic that Cyrus hands to devices. */
function judgeApsTopic(
  topic: string | undefined,
  credentials: readonly Covered[],
  { placeOf }: ImapdPlaces,
): Point {
  const [main] = credentials;
  if (topic === undefined)
    return problem(
      APS_TOPIC,
      'not set: Cyrus offers no push to devices',
      `${placeOf('aps_topic')}: aps_topic: ${main?.topic ?? 'the topic of your certificate'}`,
    );
  if (main === undefined) return skipped(APS_TOPIC, 'credential');
  if (credentials.some(({ topics }) => topics.includes(topic))) return ok(APS_TOPIC, topic);
  return problem(
    APS_TOPIC,
    `devices register for ${topic}, and no credential is for it`,
    `${placeOf('aps_topic')}: aps_topic: ${main.topic}; or configure the credential for ${topic}`,
  );
}

/** Nothing is asked for where Cyrus offers no pushes for calendars and address books. */
function judgeCollections(
  options: Options,
  credentials: readonly Covered[],
  { placeOf }: ImapdPlaces,
): Point[] {
  return COLLECTION_KINDS.flatMap((kind) => {
    const [option, topic] = [OPTIONS[kind], options.get(OPTIONS[kind])];
    if (topic === undefined) return [];
    if (collectionOfTopic(topic) !== kind)
      return problem(
        option,
        `${topic} is no topic of ${kind}: what devices register is refused`,
        `${placeOf(option)}: ${option}: ${COLLECTION_PREFIXES[kind]}…, the topic that xapplepush cert show tells`,
      );
    if (credentials.length === 0) return skipped(option, 'credential');
    if (credentials.some(({ topics }) => topics.includes(topic))) return ok(option, topic);
    return problem(
      option,
      `devices register for ${topic}, and no credential is for it`,
      `name its certificate in apns.also; or ${placeOf(option)}: remove ${option}`,
    );
  });
}

const ON = /^(?:1|y|t|on)/i;

function judgeLogin(options: Options, cyrusConf: string | undefined, { placeOf }: ImapdPlaces): Point {
  if (ON.test(options.get('allowplaintext') ?? 'no'))
    return warning(
      LOGIN,
      'allowplaintext is on: passwords may cross the network in the clear',
      `${placeOf('allowplaintext')}: allowplaintext: no`,
    );
  const certificate = options.get('tls_server_cert') ?? options.get('tls_cert_file');
  if (certificate === undefined || certificate === 'disabled')
    return warning(
      LOGIN,
      'LOGIN is for connections under TLS, and there is no certificate for TLS',
      `${placeOf('tls_server_cert')}: set tls_server_cert and tls_server_key: devices register only when they are logged in`,
    );
  if (cyrusConf !== undefined && !hasImaps(cyrusConf) && !offersStartTls(options))
    return warning(
      LOGIN,
      'LOGIN is for connections under TLS, cyrus.conf has no imaps, and from Cyrus 3.10 on nobody can log in',
      `in cyrus.conf enable the first imaps line and restart Cyrus; or ${placeOf('imap_allowstarttls')}: imap_allowstarttls: yes`,
    );
  return ok(LOGIN, 'under TLS only');
}

/** A service whose imapd speaks TLS from its first byte (imapd(8), -s). */
function hasImaps(cyrusConf: string): boolean {
  return /^[^#\n]*\bcmd="[^"]*imapd\b[^"]* -s\b/m.test(cyrusConf);
}

/** On by default up to Cyrus 3.8, off from 3.10 on. */
function offersStartTls(options: Options): boolean {
  const names = [...options.keys()].filter((name) => /^(?:imap_)?allowstarttls$/.test(name));
  return names.some((name) => ON.test(options.get(name) ?? ''));
}
