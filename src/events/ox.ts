import { plainMailbox } from '../mailboxes/plain-namespace.ts';
import { isText, neverActedOn, notText } from './dovecot.ts';
import { bad, expected } from './fields.ts';
import type { ParseResult } from './mail-event.ts';

/** The one event that Dovecot's OX driver tells of: a delivery. */
const DELIVERY = 'messageNew';

/** Parses what Dovecot's OX driver sends: `{"user":…,"event":"messageNew","folder":"INBOX",…}`. */
export function parseOxEvent({ user, event, folder }: Record<string, unknown>): ParseResult {
  if (typeof event !== 'string') return bad(expected('a string', 'event', event));
  if (event !== DELIVERY) return neverActedOn(event);
  if (!isText(user)) return bad(notText('user', user));
  if (!isText(folder)) return bad(notText('folder', folder));
  return { kind: 'change', source: 'dovecot', name: 'MessageNew', mailboxes: [plainMailbox(user, folder)] };
}
