import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { judgeImapdConf } from '../../src/check/imapd-conf.ts';
import type { Point } from '../../src/check/point.ts';
import { parseImapdConf } from '../../src/config/imapd-conf.ts';

const TOPIC = 'com.apple.mail.XServer.one';
const CREDENTIALS = [
  { topic: TOPIC, topics: [TOPIC, 'com.apple.calendar.XServer.one'] },
  { topic: 'com.apple.mail.XServer.two', topics: ['com.apple.mail.XServer.two'] },
];

const GOOD = {
  event_notifier: 'external',
  event_groups: 'applepushservice message flags',
  aps_topic: TOPIC,
  tls_server_cert: '/etc/ssl/cert.pem',
};

function judge(changes: Record<string, string | undefined>, credentials = CREDENTIALS): Point[] {
  const options: Record<string, string | undefined> = { ...GOOD, ...changes };
  const lines = Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}\n`],
  );
  return judgeImapdConf(parseImapdConf(lines.join('')), credentials);
}

function good(name: string, changes: Record<string, string | undefined>): void {
  test(`good: ${name}`, () => {
    expect(judge(changes).filter(({ state }) => state !== 'ok')).toEqual([]);
  });
}

function bad(
  name: string,
  changes: Record<string, string | undefined>,
  ...want: [point: string, state: Point['state'], text: string][]
): void {
  test(`bad: ${name}`, () => {
    const found = judge(changes).filter(({ state }) => state !== 'ok');
    expect(found.map(({ point, state }) => [point, state])).toEqual(
      want.map(([point, state]) => [point, state]),
    );
    for (const [index, [, , text]] of want.entries()) expect(found[index]?.text).toContain(text);
    expect(found.every(({ fix }) => (fix ?? '') !== '')).toBe(true);
  });
}

describe('judgeImapdConf', () => {
  good('what docs/cyrus.md says', {});
  good('groups in another order and in capitals', {
    event_groups: 'FLAGS  Message applepushservice calendar',
  });
  good('the topic of another credential', { aps_topic: 'com.apple.mail.XServer.two' });
  good('extra parameters that are harmless', { event_extra_params: 'vnd.cmu.unseenMessages timestamp' });
  good('the standard mode, said', { event_content_inclusion_mode: 'Standard' });
  good('plain text refused, said', { allowplaintext: 'no' });
  good('the older name of the certificate', { tls_server_cert: undefined, tls_cert_file: '/etc/ssl/x.pem' });

  good('calendars, of a certificate that is there', { aps_topic_caldav: 'com.apple.calendar.XServer.one' });
  bad(
    'address books whose topic nobody has, and calendars with the topic of Mail',
    { aps_topic_carddav: 'com.apple.contact.XServer.one', aps_topic_caldav: TOPIC },
    ['aps_topic_caldav', 'problem', 'is no topic of calendar'],
    ['aps_topic_carddav', 'problem', 'no credential is for it'],
  );

  bad('no notifier', { event_notifier: undefined }, ['event_notifier', 'problem', 'not set']);
  bad('another notifier', { event_notifier: 'log' }, ['event_notifier', 'problem', 'log: notifyd does not']);
  bad(
    'no groups',
    { event_groups: undefined },
    ['event_groups', 'problem', 'no device can register'],
    ['event_groups', 'warning', 'badge'],
    ['event_groups', 'warning', 'twice'],
  );
  bad('no registrations', { event_groups: 'message flags' }, ['event_groups', 'problem', 'no device can']);
  bad('no messages', { event_groups: 'applepushservice flags' }, ['event_groups', 'problem', 'new mail']);
  bad('no flags', { event_groups: 'applepushservice message' }, ['event_groups', 'warning', 'badge']);
  bad(
    'too many groups',
    { event_groups: 'applepushservice message flags quota mailbox' },
    ['event_groups', 'problem', 'over its quota'],
    ['event_groups', 'warning', 'twice'],
  );
  bad(
    'content',
    { event_content_inclusion_mode: 'message', event_extra_params: 'timestamp messageContent' },
    ['event content', 'problem', 'event_content_inclusion_mode message'],
    ['event content', 'problem', 'messageContent'],
  );
  bad('no topic', { aps_topic: undefined }, ['aps_topic', 'problem', 'offers no push']);
  bad('a topic of nobody', { aps_topic: 'com.apple.mail.x' }, ['aps_topic', 'problem', 'com.apple.mail.x']);
  bad('plain text', { allowplaintext: 'yes' }, ['login', 'warning', 'in the clear']);
  bad('no TLS', { tls_server_cert: undefined }, ['login', 'warning', 'no certificate']);
  bad('TLS disabled', { tls_server_cert: 'disabled' }, ['login', 'warning', 'no certificate']);

  test('without a credential the topic is not judged, unless it is missing', () => {
    const states = (points: Point[]): string[] =>
      points.filter(({ point }) => point === 'aps_topic').map(({ state }) => state);
    expect(states(judge({}, []))).toEqual(['skipped']);
    expect(states(judge({ aps_topic: undefined }, []))).toEqual(['problem']);
  });
});

describe('where passwords need TLS, cyrus.conf must have imaps, or imapd.conf STARTTLS', () => {
  const debian13 = readFileSync(new URL('../fixtures/cyrus-conf/debian.conf', import.meta.url), 'utf8');
  const loginWith = (cyrusConf: string, changes: Record<string, string> = {}): string | undefined =>
    judgeImapdConf(new Map(Object.entries({ ...GOOD, ...changes })), CREDENTIALS, { cyrusConf }).find(
      ({ point }) => point === 'login',
    )?.state;

  test("neither, as in Debian 13's", () => expect(loginWith(debian13)).toBe('warning'));
  test('imaps enabled', () => expect(loginWith(debian13.replace('#imaps', 'imaps'))).toBe('ok'));
  test.each(['allowstarttls', 'imap_allowstarttls'])('%s', (option) => {
    expect(loginWith(debian13, { [option]: 'yes' })).toBe('ok');
    expect(loginWith(debian13, { [option]: 'no' })).toBe('warning');
  });
});
