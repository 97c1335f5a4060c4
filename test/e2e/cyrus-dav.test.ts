import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { issueClientCertificate } from '../../src/apns/credentials/pki.ts';
import type { ReceivedPush, TestApns } from '../support/apns.ts';
import { eventually, type Sandbox } from '../support/command.ts';
import { createCyrusHost, type CyrusHost } from '../support/cyrus-host.ts';
import { type Cyrus, describeWithCyrus } from '../support/cyrus.ts';
import { calendarEvent, card, type DavClient, davClient, type PushTransport } from '../support/dav.ts';
import { loginImap } from '../support/imap.ts';
import { forget } from '../support/pushes.ts';

const TOPICS = {
  calendar: 'com.apple.calendar.XServer.22222222-2222-3333-4444-555555555555',
  contacts: 'com.apple.contact.XServer.33333333-2222-3333-4444-555555555555',
};
const MAC = '80aa34cb'.repeat(8);
const PHONE = 'c0ffee00'.repeat(8);

const CALENDAR = '/dav/calendars/user/alice/Default/';
const ADDRESS_BOOK = '/dav/addressbooks/user/alice/Default/';

/** A push's own expiry, in hours: 24 to 72 by what Apple's own server did. */
const EXPIRY_HOURS = { least: 23, most: 73 };

describeWithCyrus('calendars and address books of a real Cyrus', () => {
  let host: CyrusHost;
  let apns: TestApns;
  let sandbox: Sandbox;
  let cyrus: Cyrus;
  let alice: DavClient;
  let bob: DavClient;
  let calendars: PushTransport;
  let addressBooks: PushTransport;

  beforeAll(async () => {
    host = await createCyrusHost('{ linger: 1s, deadline: 5s }');
    ({ apns, sandbox } = host);
    configureTopics();
    const options = {
      httpmodules: 'caldav carddav',
      aps_topic_caldav: TOPICS.calendar,
      aps_topic_carddav: TOPICS.contacts,
    };
    cyrus = await host.start(['alice', 'bob'], options, true);
    [alice, bob] = [davClient(cyrus, 'alice'), davClient(cyrus, 'bob')];
    calendars = await alice.discover('/dav/calendars/user/alice/');
    addressBooks = await alice.discover('/dav/addressbooks/user/alice/');
  });
  afterAll(async () => {
    await host.settled(cyrus); // a deliverer killed before it notes Apple's answer leaves the push to the next one
    await cyrus.stop();
    await host.close();
  });
  beforeEach(() => {
    forget(apns);
  });

  /** A certificate for each of the two beside that of Mail, as their owner has them. */
  function configureTopics(): void {
    const { caKey, ca } = apns.files;
    const authority = { certificatePem: readFileSync(ca, 'utf8'), keyPem: readFileSync(caKey, 'utf8') };
    const also = Object.entries(TOPICS).map(([kind, topic]) => {
      const { certificatePem, keyPem } = issueClientCertificate(authority, { topic });
      const file = join(apns.dir, `${kind}.pem`);
      writeFileSync(file, certificatePem + keyPem, { mode: 0o644 });
      return `{ certificate: ${file} }`;
    });
    const yaml = readFileSync(sandbox.configFile, 'utf8');
    const more = `  also: [${also.join(', ')}]\n`;
    writeFileSync(sandbox.configFile, yaml.replace(/^( {2}ca: .*\n)/m, `$1${more}`));
  }

  const keyOf = ({ keys }: PushTransport, path: string): string => keys.get(path) ?? `no key of ${path}`;

  const pushes = (count: number): Promise<readonly ReceivedPush[]> =>
    eventually(
      () => apns.received,
      (received) => received.length >= count,
    );

  async function listed(user: string, count: number): Promise<Record<string, unknown>[]> {
    const list = await eventually(
      () => sandbox.run(['devices', 'list', '--json', '--user', user]),
      ({ exitCode, stdout }) => exitCode === 0 && (JSON.parse(stdout) as unknown[]).length >= count,
    );
    return JSON.parse(list.stdout) as Record<string, unknown>[];
  }

  test('Cyrus says where to subscribe, and under which topics', () => {
    expect(calendars).toMatchObject({ subscriptionUrl: '/applepush/subscribe', topic: TOPICS.calendar });
    expect(addressBooks).toMatchObject({ subscriptionUrl: '/applepush/subscribe', topic: TOPICS.contacts });
  });

  test('a Mac subscribes to a calendar and an address book', async () => {
    for (const [transport, path] of [
      [calendars, CALENDAR],
      [addressBooks, ADDRESS_BOOK],
    ] as const)
      expect(await alice.subscribe(transport, keyOf(transport, path), MAC)).toMatchObject({ status: 200 });
    const devices = await listed('alice', 2);
    expect(devices.map(({ kind, topic }) => ({ kind, topic }))).toEqual(
      expect.arrayContaining([
        { kind: 'calendar', topic: TOPICS.calendar },
        { kind: 'contacts', topic: TOPICS.contacts },
      ]),
    );
  });

  test('what Cyrus lets through as a token is none', async () => {
    expect(await alice.subscribe(calendars, keyOf(calendars, CALENDAR), 'xyz+"ä"')).toMatchObject({
      status: 200,
    });
    await host.settled(cyrus);
    expect(await listed('alice', 2)).toHaveLength(2);
  });

  test('a new event is told to who subscribed to that calendar, with its key and the times', async () => {
    const beforeS = Math.floor(Date.now() / 1000);
    const put = await alice.ask('PUT', `${CALENDAR}a.ics`, calendarEvent('dentist'), ICALENDAR);
    expect(put.status).toBe(201);
    const [push] = await pushes(1);
    expect(push).toMatchObject({ deviceToken: MAC, topic: TOPICS.calendar, answer: '200', priority: '5' });
    const payload = push?.payload as Record<string, unknown>;
    expect(Object.keys(payload).sort()).toEqual([
      'dataChangedTimestamp',
      'key',
      'pushRequestSubmittedTimestamp',
    ]);
    expect(payload['key']).toBe(keyOf(calendars, CALENDAR));
    for (const name of ['dataChangedTimestamp', 'pushRequestSubmittedTimestamp']) {
      expect(payload[name]).toBeGreaterThanOrEqual(beforeS);
      expect(payload[name]).toBeLessThanOrEqual(Date.now() / 1000);
    }
    const hours = ((push?.expirationS ?? 0) * 1000 - Date.now()) / 3_600_000;
    expect(hours).toBeGreaterThan(EXPIRY_HOURS.least);
    expect(hours).toBeLessThan(EXPIRY_HOURS.most);
  });

  test('a deleted event is told', async () => {
    expect(await alice.ask('DELETE', `${CALENDAR}a.ics`)).toMatchObject({ status: 204 });
    const [push] = await pushes(1);
    expect(push?.payload).toMatchObject({ key: keyOf(calendars, CALENDAR) });
  });

  test('a card is told under the topic of contacts, and to nobody else', async () => {
    const vcard = { 'Content-Type': 'text/vcard' };
    expect((await alice.ask('PUT', `${ADDRESS_BOOK}b.vcf`, card('Bob'), vcard)).status).toBe(201);
    const [push] = await pushes(1);
    expect(push).toMatchObject({ deviceToken: MAC, topic: TOPICS.contacts });
    expect(push?.payload).toMatchObject({ key: keyOf(addressBooks, ADDRESS_BOOK) });
    await host.settled(cyrus);
    expect(apns.received).toHaveLength(1);
  });

  test('who shares a calendar is told of what its owner changes', async () => {
    expect((await bob.subscribe(calendars, keyOf(calendars, CALENDAR), PHONE)).status).not.toBe(200);
    const admin = await loginImap(cyrus, 'cyrus');
    expect(await admin.command('SETACL "user/alice/#calendars/Default" bob lrs9')).toMatchObject({
      status: 'OK',
    });
    await admin.close();
    expect(await bob.subscribe(calendars, keyOf(calendars, CALENDAR), PHONE)).toMatchObject({ status: 200 });
    expect(await listed('bob', 1)).toMatchObject([{ user: 'bob', kind: 'calendar' }]);
    await host.settled(cyrus);
    forget(apns);
    await alice.ask('PUT', `${CALENDAR}c.ics`, calendarEvent('together'), ICALENDAR);
    const received = await pushes(2);
    expect(received.map(({ deviceToken }) => deviceToken).sort()).toEqual([MAC, PHONE].sort());
    for (const { payload } of received) expect(payload).toMatchObject({ key: keyOf(calendars, CALENDAR) });
  });

  test('mail goes its own way: a delivery is told to no calendar', async () => {
    await host.settled(cyrus); // a delivery to somebody without a device
    expect(apns.received).toEqual([]);
  });
});

const ICALENDAR = { 'Content-Type': 'text/calendar' };
