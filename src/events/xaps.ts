import { plainMailbox } from '../mailboxes/plain-namespace.ts';
import { changeNameOf, isStrings, isText, neverActedOn, notText } from './dovecot.ts';
import { bad, expected } from './fields.ts';
import type { ParseResult } from './mail-event.ts';

type Json = Record<string, unknown>;

/** The XAPS plugin tells every device that it speaks this version, whatever the device asked for. */
const APS_VERSION = 2;

/** Parses the body that Dovecot's XAPS plugin sends to `/register`. Its mailboxes are as the client wrote them. */
export function parseXapsRegistration(value: Json): ParseResult {
  const { ApsAccountId, ApsDeviceToken, ApsSubtopic, ApsTopic, Username, Mailboxes } = value;
  if (typeof ApsAccountId !== 'string') return bad(expected('a string', 'ApsAccountId', ApsAccountId));
  if (typeof ApsDeviceToken !== 'string') return bad(expected('a string', 'ApsDeviceToken', ApsDeviceToken));
  if (typeof ApsSubtopic !== 'string') return bad(expected('a string', 'ApsSubtopic', ApsSubtopic));
  if (!isText(Username)) return bad(notText('Username', Username));
  const mailboxes = namesIn('Mailboxes', Mailboxes);
  if ('bad' in mailboxes) return bad(mailboxes.bad);
  return {
    kind: 'registration',
    source: 'xaps',
    user: Username,
    accountId: ApsAccountId,
    deviceToken: ApsDeviceToken,
    subtopic: ApsSubtopic,
    apsVersion: APS_VERSION,
    mailboxes: mailboxes.names,
    ...(isText(ApsTopic) && { toldTopic: ApsTopic }),
  };
}

/** A registration of the plugin with the topic that its device is told, by a key of ours; undefined for anything else. */
export function withToldTopic(value: unknown, topic: string): Json | undefined {
  if (typeof value !== 'object' || value === null || !('ApsAccountId' in value)) return undefined;
  return { ...value, ApsTopic: topic };
}

/**
 * Parses the body that Dovecot's XAPS plugin sends to `/notify`: one result for every name of an event in it.
 * It does not say which flags FlagsClear cleared.
 */
export function parseXapsNotification({ Username, Mailbox, Events }: Json): ParseResult[] {
  if (!isText(Username)) return [bad(notText('Username', Username))];
  if (!isText(Mailbox)) return [bad(notText('Mailbox', Mailbox))];
  const events = namesIn('Events', Events);
  if ('bad' in events) return [bad(events.bad)];
  if (events.names.length === 0) return [bad('Events: expected at least one name, got an empty list')];
  return [...new Set(events.names)].map((event) => {
    const name = changeNameOf(event);
    if (name === undefined) return neverActedOn(event);
    return { kind: 'change', source: 'xaps', name, mailboxes: [plainMailbox(Username, Mailbox)] };
  });
}

/** A notification as one for each name of an event in it; undefined for what is none. */
export function singleNotifications({ Username, Mailbox, Events }: Json): Json[] | undefined {
  if (!isText(Username) || !isText(Mailbox) || !Array.isArray(Events) || !isStrings(Events)) return undefined;
  return [...new Set(Events)].map((name) => ({ Username, Mailbox, Events: [name] }));
}

function namesIn(key: string, value: unknown): { names: string[] } | { bad: string } {
  if (!Array.isArray(value)) return { bad: expected('a list of strings', key, value) };
  if (!isStrings(value)) return { bad: `${key}: expected a list of strings, got other values in it` };
  return { names: value };
}
