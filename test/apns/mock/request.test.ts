import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { answerTo, type MockRequest, understood } from '../../../src/apns/mock/request.ts';

const TOPIC = 'com.apple.mail.XServer.11111111-2222-4333-8444-555555555555';
const CALENDAR_TOPIC = 'com.apple.calendar.XServer.11111111-2222-4333-8444-555555555555';
const TOKEN = 'ABCDEF01'.repeat(8);
const HEADERS = {
  'apns-id': '0f8fad5b-d9cb-469f-a165-70867728950e',
  'apns-topic': TOPIC,
  'apns-push-type': 'background',
  'apns-priority': '5',
  'apns-expiration': '1900000000',
};
const BODY = '{"aps":{"account-id":"A1B2"}}';

interface Change {
  method?: string;
  path?: string;
  body?: string | Buffer;
  /** undefined leaves the header out, a list sends it more than once. */
  headers?: Record<string, string | string[] | undefined>;
}

function request({
  method = 'POST',
  path = `/3/device/${TOKEN}`,
  body = BODY,
  headers = {},
}: Change): MockRequest {
  const changed: Change['headers'] = { ...HEADERS, ...headers };
  const entries = Object.entries(changed).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, [value].flat()] as const],
  );
  return understood({ method, path, headers: new Map(entries), body: Buffer.from(body) });
}

function good(why: string, change: Change): void {
  test(why, () => {
    expect(answerTo(request(change), [TOPIC, CALENDAR_TOPIC])).toEqual({ status: 200 });
  });
}

function bad(change: Change, status: number, reason: string): void {
  test(`${status} ${reason}: ${JSON.stringify(change).slice(0, 80)}`, () => {
    expect(answerTo(request(change), [TOPIC, CALENDAR_TOPIC])).toEqual({ status, reason });
  });
}

describe('a request that Apple takes', () => {
  good('as we send it', {});
  good('with a longer token', { path: `/3/device/${TOKEN}00` });
  good('with a lower-case token', { path: `/3/device/${TOKEN.toLowerCase()}` });
  good('without priority and expiration', {
    headers: { 'apns-priority': undefined, 'apns-expiration': undefined },
  });
  good('with a collapse id of 64 bytes', { headers: { 'apns-collapse-id': 'ü'.repeat(32) } });
  good('with 4096 bytes', { body: BODY + ' '.repeat(4096 - BODY.length) });
  good('with an empty aps', { body: '{"aps":{}}' });
  good('with the key of a calendar', {
    headers: { 'apns-topic': CALENDAR_TOPIC },
    body: '{"key":"alice/oknraw1vj10bnztsly3ox6he"}',
  });
});

describe('a request that Apple refuses', () => {
  bad({ method: 'GET' }, 405, 'MethodNotAllowed');
  for (const path of ['/', '/3/device', `/2/device/${TOKEN}`, `/3/device/${TOKEN}/x`])
    bad({ path }, 404, 'BadPath');
  for (const id of [
    undefined,
    '',
    'x',
    HEADERS['apns-id'].toUpperCase(),
    HEADERS['apns-id'].replaceAll('-', ''),
  ]) {
    bad({ headers: { 'apns-id': id } }, 400, 'BadMessageId');
  }
  bad({ headers: { 'apns-topic': [TOPIC, TOPIC] } }, 400, 'DuplicateHeaders');
  bad({ path: '/3/device/' }, 400, 'MissingDeviceToken');
  for (const token of [TOKEN.slice(1), TOKEN.slice(2), `${TOKEN}a`, `g${TOKEN.slice(1)}`, `%20${TOKEN}`]) {
    bad({ path: `/3/device/${token}` }, 400, 'BadDeviceToken');
  }
  bad({ path: `/3/device/${'0'.repeat(64)}` }, 400, 'BadDeviceToken');
  for (const topic of [undefined, '']) bad({ headers: { 'apns-topic': topic } }, 400, 'MissingTopic');
  for (const topic of [`${TOPIC}x`, TOPIC.toLowerCase()]) {
    bad({ headers: { 'apns-topic': topic } }, 400, 'TopicDisallowed');
  }
  for (const priority of ['', '0', '05', '7', 'high']) {
    bad({ headers: { 'apns-priority': priority } }, 400, 'BadPriority');
  }
  for (const expiration of ['', '-1', '1.5', 'tomorrow']) {
    bad({ headers: { 'apns-expiration': expiration } }, 400, 'BadExpirationDate');
  }
  for (const type of [undefined, '', 'Background', 'mail']) {
    bad({ headers: { 'apns-push-type': type } }, 400, 'InvalidPushType');
  }
  bad({ headers: { 'apns-collapse-id': 'ü'.repeat(33) } }, 400, 'BadCollapseId');
  bad({ body: '' }, 400, 'PayloadEmpty');
  bad({ body: BODY + ' '.repeat(4097 - BODY.length) }, 413, 'PayloadTooLarge');
  for (const body of [
    '{',
    'null',
    '[]',
    '"aps"',
    '{}',
    '{"aps":null}',
    '{"aps":[]}',
    Buffer.from('{"aps":{"a":"\xff"}}', 'latin1'),
  ]) {
    bad({ body }, 400, 'PayloadEmpty');
  }
  bad({ body: '{"key":"alice/oknraw1vj10bnztsly3ox6he"}' }, 400, 'PayloadEmpty');
  bad({ headers: { 'apns-topic': CALENDAR_TOPIC } }, 400, 'PayloadEmpty');
});

test('the first fault in the order of the checks is told', () => {
  const wrong = { path: '/3/device/xx', body: '', headers: { 'apns-topic': 'other' } };
  expect(answerTo(request(wrong), [TOPIC])).toEqual({ status: 400, reason: 'BadDeviceToken' });
});

test('the all-zero token finds out whether certificate and topic are accepted', () => {
  const zero = { path: `/3/device/${'0'.repeat(64)}`, body: '{"aps":{}}' };
  expect(answerTo(request(zero), [TOPIC])).toEqual({ status: 400, reason: 'BadDeviceToken' });
  expect(answerTo(request(zero), ['another'])).toEqual({ status: 400, reason: 'TopicDisallowed' });
});

test('no request whatsoever makes it throw', () => {
  const headers = fc.dictionary(fc.string(), fc.array(fc.string()));
  fc.assert(
    fc.property(fc.string(), fc.string(), headers, fc.uint8Array(), (method, path, fields, body) => {
      const any = { method, path, headers: new Map(Object.entries(fields)), body: Buffer.from(body) };
      expect(answerTo(understood(any), [TOPIC]).status).toBeGreaterThanOrEqual(200);
    }),
  );
});
