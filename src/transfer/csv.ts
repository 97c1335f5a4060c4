import * as v from 'valibot';
import { ExitCode, OperatorError } from '../process/errors.ts';
import { isStorableText } from '../mailboxes/storable-text.ts';
import { MAIL_SUBTOPIC } from '../targets/target.ts';
import type { Fault } from '../targets/precedence.ts';
import { TIME } from './checking.ts';
import type { ForeignRegistration, Item } from './claim.ts';
import { type CsvRecord, csvRecords } from './csv-records.ts';
import type { Line } from './text-lines.ts';

/** Between the names in `mailboxes`; no mail server that we know has it in names. */
const MAILBOX_SEPARATOR = '|';

const FIELD = v.pipe(v.string(), v.check(isStorableText, 'a field holds NUL characters'));
const INSTANT = v.message(TIME, 'registered and renewed: expected a time such as 2026-01-31T12:00:00Z');

/** A record by its columns, of which an empty field is an absent one. */
const RECORD = v.object({
  user: FIELD,
  device_token: FIELD,
  account_id: FIELD,
  mailboxes: v.optional(FIELD, 'INBOX'),
  subtopic: v.optional(FIELD, MAIL_SUBTOPIC),
  aps_version: v.optional(
    v.pipe(FIELD, v.regex(/^\d{1,9}$/, 'aps_version: expected an integer'), v.transform(Number)),
    '2',
  ),
  topic: v.optional(FIELD),
  registered: v.optional(INSTANT),
  renewed: v.optional(INSTANT),
});

type Column = keyof typeof RECORD.entries;

/** What a file may have; names in any case. */
const COLUMNS = Object.keys(RECORD.entries) as Column[];
const REQUIRED = COLUMNS.filter((column) => RECORD.entries[column].type !== 'optional');

/** The targets of a CSV file with a header. Throws OperatorError (exit 65) where that is none. */
export function* csvItems(lines: Iterable<Line>, maxLength: number): Generator<Item> {
  const records = csvRecords(lines, maxLength);
  const header = records.next();
  const columns = columnsIn(header.done === true ? undefined : header.value);
  for (const record of records) yield 'fault' in record ? record : itemOf(record, columns);
}

function columnsIn(record: CsvRecord | undefined): Column[] {
  const isHeader = record !== undefined && 'fields' in record;
  const columns = isHeader ? readCsvHeader(record.fields) : { bad: 'the first line is no header' };
  if (!('bad' in columns)) return columns;
  throw new OperatorError(`this is not CSV that can be imported: ${columns.bad}`, {
    exitCode: ExitCode.badInput,
    hint: `the first line names the columns, separated by commas; there are ${COLUMNS.join(', ')}`,
  });
}

/** The columns of a header, in its order; or why it is none. */
function readCsvHeader(fields: readonly string[]): Column[] | { bad: string } {
  const names = fields.map((field) => field.trim().toLowerCase());
  const isKnown = (name: string): name is Column => COLUMNS.some((column) => column === name);
  const unknown = fields.filter((_, index) => !isKnown(names[index] ?? ''));
  if (unknown.length > 0)
    return { bad: `unknown columns: ${unknown.map((name) => JSON.stringify(name)).join(', ')}` };
  const missing = REQUIRED.filter((column) => !names.includes(column));
  if (missing.length > 0) return { bad: `missing columns: ${missing.join(', ')}` };
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined ? names.filter(isKnown) : { bad: `column ${twice} is there twice` };
}

function itemOf({ place, fields }: Extract<CsvRecord, { fields: string[] }>, columns: Column[]): Item {
  const read = readCsvRecord(fields, columns);
  const user = fields[columns.indexOf('user')] ?? '';
  return {
    place,
    user,
    ...('reason' in read ? { fault: read } : { claim: { kind: 'registration', ...read } }),
  };
}

/** The registration in a record with those columns, or what is wrong with it. */
function readCsvRecord(fields: readonly string[], columns: readonly Column[]): ForeignRegistration | Fault {
  if (fields.length !== columns.length)
    return { reason: `expected ${columns.length} fields`, detail: `got ${fields.length}` };
  const given = columns.map((column, index) => [column, fields[index]] as const);
  const present = given.filter(([column, field]) => field !== '' || REQUIRED.includes(column));
  const checked = v.safeParse(RECORD, Object.fromEntries(present), { abortEarly: true });
  if (!checked.success) return { reason: checked.issues[0].message };
  const { user, device_token, account_id, mailboxes, subtopic, aps_version, ...rest } = checked.output;
  return {
    registration: {
      kind: 'registration',
      source: 'xaps', // no server is known to have told the device the names that it accepted
      user,
      accountId: account_id,
      deviceToken: device_token,
      subtopic,
      apsVersion: aps_version,
      mailboxes: mailboxes.split(MAILBOX_SEPARATOR),
    },
    topic: rest.topic,
    registeredMs: rest.registered,
    renewedMs: rest.renewed ?? rest.registered,
  };
}
