import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { namespaceOf } from '../../src/config/imapd-conf.ts';
import type { ParseResult } from '../../src/events/mail-event.ts';
import { parseEvent } from '../../src/events/parse.ts';
import { readEvents } from '../../src/events/read.ts';
import { mailboxFromName, mailboxFromUri, type CyrusNamespace } from '../../src/mailboxes/cyrus-namespace.ts';
import type { Mailbox } from '../../src/mailboxes/mailbox.ts';
import { decodeModifiedUtf7 } from '../../src/mailboxes/modified-utf7.ts';

interface Place {
  owner: string;
  mailbox: string;
}

interface Expectation extends Partial<Place> {
  file: string;
  namespace: string;
  event: string | null;
  user?: string;
  from?: Place;
  mailboxes?: string[];
  apsVersion?: number;
  mailboxType?: string;
  flagNames?: string;
}

type Json = Record<string, unknown>;

/** Of 3.6.1 and of 3.10.2; the letters of the namespaces mean the same in both. */
const FOLDERS = ['cyrus', 'cyrus310'];
const fixtures = new URL('../fixtures/', import.meta.url);
const tables = FOLDERS.map((folder) => tableOf(folder));
const table = {
  imapdConf: Object.assign({}, ...tables.map(({ imapdConf }) => imapdConf)) as Table['imapdConf'],
  files: tables.flatMap(({ files }) => files),
};

interface Table {
  imapdConf: Record<string, Record<string, string>>;
  /** Each with its folder. */
  files: Expectation[];
}

function tableOf(folder: string): Table {
  const text = readFileSync(new URL(`${folder}/expectations.json`, fixtures), 'utf8');
  const { imapdConf, files } = JSON.parse(text) as Table;
  return { imapdConf, files: files.map((row) => ({ ...row, file: `${folder}/${row.file}` })) };
}

const ACTED_ON =
  /^(?:vnd\.cmu\.Message(?:Move|Copy)|Message(?:New|Append|Read|Trash|Expunge)|Flags(?:Clear|Set))$/;

/** Those that name flags, of what was stored where event_extra_params asks for them. */
const WITH_FLAGS = /^(?:MessageAppend|Flags(?:Clear|Set))$/;
/** What is stored or moved comes with the number of unread messages, the owner's. */
const STORES = /^(?:MessageAppend|vnd\.cmu\.Message(?:Copy|Move))$/;

function namespaceFor(row: Expectation): CyrusNamespace {
  return namespaceOf(new Map(Object.entries(table.imapdConf[row.namespace]!)));
}

function itemsOf(row: Expectation): ReturnType<typeof readEvents> {
  return readEvents([readFileSync(new URL(row.file, fixtures))]);
}

function valueOf(row: Expectation): Json {
  const items = [...itemsOf(row)];
  expect(items).toHaveLength(1);
  return (items[0] as { value: Json }).value;
}

function mailboxAt({ owner, mailbox }: Place): Mailbox {
  return { owner, path: decodeModifiedUtf7(mailbox)! };
}

/** What the parser must give, by the table alone. */
function expected(row: Expectation, value: Json): ParseResult {
  if (row.event === 'ApplePushService') return expectedRegistration(row, value);
  const isMail = row.mailboxType === undefined;
  const collection = { c: 'calendar', a: 'contacts' }[row.mailboxType ?? ''];
  if (row.event === 'ApplePushServiceDAV') return expectedOfCollection(collection!, value);
  if (collection !== undefined && /^Message(?:New|Expunge)$/.test(row.event!))
    return {
      ...{ kind: 'collection change', source: 'cyrus', name: row.event as 'MessageNew' },
      mailbox: { owner: `#${collection}`, path: value['mailboxID'] as string },
      acl: value['vnd.cmu.mailboxACL'] as string,
    };
  if (!ACTED_ON.test(row.event!) || !isMail) {
    return { kind: 'ignored', name: row.event!, reason: expect.stringMatching(/not/) as string };
  }
  const isMove = row.event === 'vnd.cmu.MessageMove'; // a copy changes nothing where it comes from
  const places = isMove && row.from !== undefined ? [row as Place, row.from] : [row as Place];
  return {
    ...{ kind: 'change', acl: value['vnd.cmu.mailboxACL'] as string },
    source: 'cyrus',
    name: row.event!.replace('vnd.cmu.', '') as 'MessageNew',
    mailboxes: places.map(mailboxAt),
    ...(STORES.test(row.event!) && { unseen: value['vnd.cmu.unseenMessages'] as number }),
    ...(WITH_FLAGS.test(row.event!) && 'flagNames' in value
      ? { flags: (value['flagNames'] as string).split(' ').filter((flag) => flag !== '') }
      : {}),
  };
}

function expectedRegistration(row: Expectation, value: Json): ParseResult {
  if (row.file.endsWith('aps-badutf8.json')) {
    return { kind: 'bad', reason: 'apsAccountId is missing: expected a string' };
  }
  return {
    kind: 'registration',
    source: 'cyrus',
    user: row.user!,
    accountId: value['apsAccountId'] as string,
    deviceToken: value['apsDeviceToken'] as string,
    subtopic: value['apsSubtopic'] as string,
    apsVersion: row.apsVersion!,
    mailboxes: row.mailboxes!,
  };
}

function expectedOfCollection(collection: string, value: Json): ParseResult {
  return {
    ...{ kind: 'collection registration', source: 'cyrus', collection: collection as 'calendar' },
    user: value['user'] as string,
    deviceToken: value['apsDeviceToken'] as string,
    topic: value['apsTopic'] as string,
    mailboxUser: value['mailboxUser'] as string,
    uniqueId: value['mailboxUniqueId'] as string,
    expiryMs: 86_400_000,
  };
}

/** The names under which the owner's client, and another user's of the same domain, know the mailbox. */
function clientNames({ owner, mailbox }: Place, ns: CyrusNamespace): [user: string, name: string][] {
  if (owner === '') return [['bob', ns.altNamespace ? `Shared Folders/${mailbox}` : mailbox]];
  const [localpart, domain] = owner.split('@');
  const level = ns.separator === '.' ? localpart!.replaceAll('.', '^') : localpart!;
  const below = mailbox === 'INBOX' ? [] : [ns.altNamespace ? mailbox : mailbox.slice('INBOX.'.length)];
  const others = [ns.altNamespace ? 'Other Users' : 'user', level, ...below].join(ns.separator);
  const other = domain === undefined ? 'zoe' : `zoe@${domain}`;
  const otherUser: [string, string][] = ns.virtualDomains || domain === undefined ? [[other, others]] : [];
  return [[owner, mailbox], ...otherUser];
}

it('has a row for every captured event', () => {
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(new URL(folder, fixtures))
      .filter((name) => /^\d{4}-.*\.json$/.test(name))
      .map((name) => `${folder}/${name}`),
  );
  expect(table.files.map(({ file }) => file).sort()).toEqual(files.sort());
});

describe('captured events', () => {
  it.each(table.files.filter(({ event }) => event !== null))('$file', (row) => {
    const value = valueOf(row);
    expect(value['event']).toBe(row.event);
    expect(parseEvent(value, () => namespaceFor(row))).toEqual([expected(row, value)]);
  });

  it.each(table.files.filter(({ event }) => event === null))('$file is no event', (row) => {
    expect([...itemsOf(row)].filter((item) => 'value' in item)).toEqual([]);
  });
});

/** Where one had, a registration from the spool would be as old as it says, and not as old as its file. */
it('dates no registration', () => {
  const registrations = table.files.filter(({ event }) => event === 'ApplePushService');
  const dated = registrations.filter((row) => 'timestamp' in valueOf(row));
  expect([registrations.length > 0, dated]).toEqual([true, []]);
});

describe('captured mailboxes', () => {
  const rows = table.files.filter((row): row is Expectation & Place => row.owner !== undefined);

  it.each(rows)('$file: $owner $mailbox', (row) => {
    const ns = namespaceFor(row);
    const value = valueOf(row);
    const pairs: [unknown, Place][] = [[value['uri'], row]];
    if (row.from !== undefined) pairs.push([value['oldMailboxID'], row.from]);
    for (const [uri, place] of pairs) {
      const mailbox = mailboxAt(place);
      expect(mailboxFromUri(uri as string, ns)).toEqual({ mailbox });
      for (const [user, name] of clientNames(place, ns)) {
        const decodedName = decodeModifiedUtf7(name);
        expect(mailboxFromName(name, user, ns)).toEqual({ mailbox, decodedName });
      }
    }
  });
});

describe('captured registrations', () => {
  const rows = table.files.filter((row) => row.event === 'ApplePushService');
  const changed = new Map(
    table.files
      .filter((row): row is Expectation & Place => row.owner !== undefined)
      .map((row) => [JSON.stringify([row.namespace, mailboxAt(row)]), row.file]),
  );

  it('names mailboxes of which captured events tell', () => {
    const names = rows.flatMap((row) => row.mailboxes!.map((name) => ({ row, name })));
    const untold = names.filter(({ row, name }) => {
      const resolved = mailboxFromName(name, row.user!, namespaceFor(row));
      return 'bad' in resolved || !changed.has(JSON.stringify([row.namespace, resolved.mailbox]));
    });
    expect(untold).toEqual([]);
  });
});
