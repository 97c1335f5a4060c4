import { bad, expected, isObject } from './fields.ts';
import { isText, notText } from './dovecot.ts';
import type { EventSource, ParseResult, Registration } from './mail-event.ts';

type Json = Record<string, unknown>;

/** A registration whose values are of the right types. */
type Format = Pick<Registration, 'user' | 'accountId' | 'deviceToken' | 'subtopic'> & {
  source?: (typeof SOURCES)[number];
  version?: 1 | 2;
  topic?: string;
};

/** The version of the format that docs/registering.md describes and docs/registration.schema.json checks. */
const FORMAT_VERSION = 1;

/** Who may write so: the plugin in dovecot/, and any other mail server. */
const SOURCES = ['dovecot-plugin', 'other'] as const satisfies EventSource[];

/**
 * Parses a registration as a mail server writes it that told the phone its mailboxes:
 * `{"registration":1,"source":…,"user":…,"accountId":…,"deviceToken":…,"subtopic":…,"version":2,"topic":…,"mailboxes":[…]}`.
 * A mailbox is its name as the phone was told, or that with the name that events have for it.
 */
export function parseRegistration(value: Json): ParseResult {
  const wrong = wrongFormat(value) ?? wrongText(value);
  if (wrong !== undefined) return bad(wrong);
  const mailboxes = mailboxesIn(value['mailboxes']);
  if ('bad' in mailboxes) return bad(mailboxes.bad);
  const { source = 'other', user, accountId, deviceToken, subtopic, version = 2, topic } = value as Format;
  return {
    ...{ kind: 'registration', source, user, accountId, deviceToken, subtopic, apsVersion: version },
    ...mailboxes,
    ...(topic !== undefined && { toldTopic: topic }),
  };
}

function wrongFormat({ registration, source = 'other', version = 2 }: Json): string | undefined {
  if (registration !== FORMAT_VERSION) return wrongNumber('registration', `${FORMAT_VERSION}`, registration);
  if (!SOURCES.some((each) => each === source)) return expected(SOURCES.join(' or '), 'source', source);
  return version === 1 || version === 2 ? undefined : wrongNumber('version', '1 or 2', version);
}

function wrongNumber(key: string, what: string, got: unknown): string {
  return typeof got === 'number' ? `${key}: expected ${what}, got ${got}` : expected(what, key, got);
}

function wrongText({ topic, ...texts }: Json): string | undefined {
  const wrong = (['user', 'accountId', 'deviceToken', 'subtopic'] as const).find(
    (key) => !isText(texts[key]),
  );
  if (wrong !== undefined) return notText(wrong, texts[wrong]);
  return topic === undefined || isText(topic) ? undefined : notText('topic', topic);
}

function mailboxesIn(value: unknown): { mailboxes: string[]; vnames: Map<string, string> } | { bad: string } {
  if (!Array.isArray(value)) return { bad: expected('a list of mailboxes', 'mailboxes', value) };
  const mailboxes: string[] = [];
  const vnames = new Map<string, string>();
  for (const [index, element] of (value as unknown[]).entries()) {
    const { name, vname } = isObject(element) ? element : { name: element };
    if (!isText(name)) return { bad: notText(`mailboxes[${index}]`, name) };
    if (vname !== undefined && !isText(vname)) return { bad: notText(`mailboxes[${index}].vname`, vname) };
    mailboxes.push(name);
    if (vname !== undefined) vnames.set(name, vname);
  }
  return { mailboxes, vnames };
}
