import type { DlistCommand, DlistValue } from './dlist.ts';

/** What Cyrus wants with a command on its notify socket. */
export type Notification =
  /** An event, as JSON. */
  | { kind: 'event'; message: Buffer }
  /** Of a class that carries no events; nobody waits for its effect. */
  | { kind: 'other class'; class: string }
  /** For a method that is not ours, such as the mailto of a Sieve script: somebody's mail would get lost silently. */
  | { kind: 'other method'; method: string; class: string }
  | { kind: 'unknown'; why: string };

/** The method of `event_notifier: external`, and of `mailnotifier` and `sievenotifier` where those say so. */
const METHOD = 'external';

/** imapd.conf(5), event_groups; `mailnotifier` sends MAIL and `sievenotifier` SIEVE. */
const EVENT_CLASS = 'EVENT';

/** Reads the command that notify() of Cyrus sends (its imap/notify.c). `why` holds none of its text. */
export function notificationIn({ name, value }: DlistCommand): Notification {
  if (name !== 'NOTIFY') return { kind: 'unknown', why: 'a command other than NOTIFY' };
  if (!(value instanceof Map)) return { kind: 'unknown', why: 'a NOTIFY without keys' };
  const [method, className, message] = ['METHOD', 'CLASS', 'MESSAGE'].map((key) => stringIn(value.get(key)));
  if (method === undefined) return { kind: 'unknown', why: 'a NOTIFY without METHOD' };
  if (className === undefined) return { kind: 'unknown', why: 'a NOTIFY without CLASS' };
  const [methodName, classText] = [method.toString(), className.toString()];
  if (methodName !== METHOD) return { kind: 'other method', method: methodName, class: classText };
  if (classText !== EVENT_CLASS) return { kind: 'other class', class: classText };
  return message === undefined
    ? { kind: 'unknown', why: 'an event without MESSAGE' }
    : { kind: 'event', message };
}

function stringIn(value: DlistValue | undefined): Buffer | undefined {
  return Buffer.isBuffer(value) ? value : undefined;
}
