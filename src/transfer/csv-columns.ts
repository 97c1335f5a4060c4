import type { Registration } from '../events/mail-event.ts';
import { isStorableText } from '../mailboxes/storable-text.ts';
import { MAIL_SUBTOPIC } from '../targets/target.ts';
import type { Fault } from '../targets/precedence.ts';
import type { ForeignRegistration } from './claim.ts';
import { instantOf } from './instant.ts';

const REQUIRED = ['user', 'device_token', 'account_id'] as const;
const OPTIONAL = ['mailboxes', 'subtopic', 'aps_version', 'topic', 'registered', 'renewed'] as const;

export type Column = (typeof REQUIRED)[number] | (typeof OPTIONAL)[number];

/** What a file may have; names in any case. */
export const COLUMNS: readonly Column[] = [...REQUIRED, ...OPTIONAL];

/** Between the names in `mailboxes`; no mail server that we know has it in names. */
export const MAILBOX_SEPARATOR = '|';

const DEFAULT_MAILBOXES = 'INBOX';
const DEFAULT_APS_VERSION = '2';

/** The columns of a header, in its order; or why it is none. */
export function readCsvHeader(fields: readonly string[]): Column[] | { bad: string } {
  const names = fields.map((field) => field.trim().toLowerCase());
  const isKnown = (name: string): name is Column => COLUMNS.some((column) => column === name);
  const unknown = fields.filter((_, index) => !isKnown(names[index] ?? ''));
  if (unknown.length > 0) return { bad: `unknown columns: ${unknown.map(quotedName).join(', ')}` };
  const missing = REQUIRED.filter((column) => !names.includes(column));
  if (missing.length > 0) return { bad: `missing columns: ${missing.join(', ')}` };
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined ? names.filter(isKnown) : { bad: `column ${twice} is there twice` };
}

function quotedName(name: string): string {
  return JSON.stringify(name);
}

/** The registration in a record with those columns, or what is wrong with it. An empty field is an absent one. */
export function readCsvRecord(
  fields: readonly string[],
  columns: readonly Column[],
): ForeignRegistration | Fault {
  if (fields.length !== columns.length)
    return { reason: `expected ${columns.length} fields`, detail: `got ${fields.length}` };
  if (!fields.every(isStorableText)) return { reason: 'a field holds NUL characters' };
  const text = (column: Column): string => fields[columns.indexOf(column)] ?? '';
  if (!/^\d{0,9}$/.test(text('aps_version'))) return { reason: 'aps_version: expected an integer' };
  const [registeredMs, renewedMs] = [text('registered'), text('renewed')].map(timeOf);
  if (registeredMs === 'none' || renewedMs === 'none')
    return { reason: 'registered and renewed: expected a time such as 2026-01-31T12:00:00Z' };
  const topic = text('topic') || undefined;
  return { registration: registrationIn(text), topic, registeredMs, renewedMs: renewedMs ?? registeredMs };
}

function registrationIn(text: (column: Column) => string): Registration {
  return {
    kind: 'registration',
    source: 'xaps', // no server is known to have told the device the names that it accepted
    user: text('user'),
    accountId: text('account_id'),
    deviceToken: text('device_token'),
    subtopic: text('subtopic') || MAIL_SUBTOPIC,
    apsVersion: Number(text('aps_version') || DEFAULT_APS_VERSION),
    mailboxes: (text('mailboxes') || DEFAULT_MAILBOXES).split(MAILBOX_SEPARATOR),
  };
}

function timeOf(text: string): number | undefined | 'none' {
  return text === '' ? undefined : (instantOf(text) ?? 'none');
}
