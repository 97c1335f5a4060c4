import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import type { ParseResult } from '../../src/events/mail-event.ts';
import { parseEvent } from '../../src/events/parse.ts';
import { type ReadItem, readEvents } from '../../src/events/read.ts';
import { DEFAULT_NAMESPACE } from '../../src/mailboxes/cyrus-namespace.ts';
import { decide } from '../../src/intake/policy.ts';

interface Told {
  name: string;
  mailbox: string;
  flags?: string[];
  decision: 'push' | 'ignore';
  transaction?: number;
}

interface Expectation {
  file: string;
  shape: 'lua' | 'sequence' | 'ox' | 'xaps-notify' | 'xaps-register' | 'not UTF-8';
  user: string;
  events: Told[];
  /** Of a registration: its mailboxes in modified UTF-7. */
  names?: string[];
}

/** A line of a captured sequence. */
interface Step {
  what: string;
  txn: number;
  user: string;
  event: Record<string, unknown>;
}

/** Of 2.3.19.1 and of 2.4.1. */
const FOLDERS = ['dovecot', 'dovecot24'];
const fixtures = new URL('../fixtures/', import.meta.url);
const table = { files: FOLDERS.flatMap((folder) => rowsIn(folder)) };

/** Each with its folder. */
function rowsIn(folder: string): Expectation[] {
  const text = readFileSync(new URL(`${folder}/expectations.json`, fixtures), 'utf8');
  const { files } = JSON.parse(text) as { files: Expectation[] };
  return files.map((row) => ({ ...row, file: `${folder}/${row.file}` }));
}

const scopes = loadConfig(undefined, {}, '/dev/null').events;

const ACTED_ON = /^(?:Message(?:New|Append|Read|Trash|Expunge)|Flags(?:Clear|Set))$/;

function rowsOf(...shapes: Expectation['shape'][]): Expectation[] {
  return table.files.filter(({ shape }) => shapes.includes(shape));
}

function bytesOf({ file }: Expectation): Buffer {
  return readFileSync(new URL(file, fixtures));
}

function itemsOf(row: Expectation): ReadItem[] {
  return [...readEvents([bytesOf(row)])];
}

function parse(value: unknown): ParseResult[] {
  return parseEvent(value, () => DEFAULT_NAMESPACE);
}

function valueOf(row: Expectation): unknown {
  const [item, ...more] = itemsOf(row);
  expect(more).toEqual([]);
  return item !== undefined && 'value' in item ? item.value : expect.unreachable('no JSON');
}

/** What the parser must give, by the table alone. */
function expected({ user, shape }: Expectation, { name, mailbox, flags }: Told): unknown {
  if (!ACTED_ON.test(name)) return { kind: 'ignored', name, reason: 'not an event that Mail is told of' };
  const source = shape === 'xaps-notify' ? 'xaps' : 'dovecot';
  const change = { kind: 'change', source, name, mailboxes: [{ owner: user, path: mailbox }] };
  return flags === undefined ? change : { ...change, flags };
}

function expectResults(row: Expectation, results: ParseResult[], told: Told[]): void {
  expect(results).toEqual(told.map((event) => expected(row, event)));
  const decisions = results.map((result) => (result.kind === 'bad' ? result : decide(result, scopes).act));
  expect(decisions).toEqual(told.map(({ decision }) => decision));
}

it('has a row for every captured body', () => {
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(new URL(folder, fixtures))
      .filter((name) => name !== 'expectations.json')
      .map((name) => `${folder}/${name}`),
  );
  expect(table.files.map(({ file }) => file).sort()).toEqual(files.sort());
});

describe('event tables of the Lua driver', () => {
  it.each(rowsOf('lua'))('$file', (row) => {
    const { user, event } = JSON.parse(bytesOf(row).toString()) as Step;
    expect(user).toBe(row.user);
    expectResults(row, parse({ ...event, user }), row.events);
    expectResults(row, parse({ dovecot: 1, user, events: [event] }), row.events);
  });

  it.each(rowsOf('sequence'))('$file', (row) => {
    const steps = itemsOf(row).map((item) => ('value' in item ? item.value : item) as Step);
    const events = steps.filter(({ what }) => what === 'event');
    expectResults(
      row,
      events.flatMap(({ user, event }) => parse({ ...event, user })),
      row.events,
    );
    for (const { txn } of events) {
      const inTransaction = events.filter((step) => step.txn === txn).map(({ event }) => event);
      const told = row.events.filter(({ transaction }) => transaction === txn);
      expectResults(row, parse({ dovecot: 1, user: row.user, events: inTransaction }), told);
    }
  });

  it.each(rowsOf('not UTF-8'))('$file cannot be read: it repeats a header as it came', (row) => {
    expect(itemsOf(row)).toEqual([{ raw: expect.any(Buffer) as Buffer, bad: 'not UTF-8' }]);
  });
});

describe('bodies of the OX driver and the XAPS plugin', () => {
  it.each(rowsOf('ox', 'xaps-notify'))('$file', (row) => {
    expectResults(row, parse(valueOf(row)), row.events);
  });

  it.each(rowsOf('xaps-register'))('$file', (row) => {
    const value = valueOf(row) as Record<string, unknown>;
    const registration = {
      kind: 'registration',
      source: 'xaps',
      user: row.user,
      accountId: value['ApsAccountId'],
      deviceToken: value['ApsDeviceToken'],
      subtopic: 'com.apple.mobilemail',
      apsVersion: 2,
      mailboxes: row.names,
    };
    expect(parse(value)).toEqual([registration]);
  });
});
