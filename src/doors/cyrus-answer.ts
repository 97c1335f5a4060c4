import { messageOf } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import type { DlistBreak, DlistCommand } from './dlist.ts';
import { notificationIn } from './notification.ts';
import type { Receive } from './receive.ts';

export interface Answer {
  text: string;
  /** The connection ends with it. */
  isLast: boolean;
}

/** Events are to be safe within milliseconds: Cyrus waits for the answer with the mailbox locked. */
export const SLOW_MS = 200;

/**
 * Deals with what came over the notify socket; gives the answer once an event is safe. Cyrus waits for ever unless
 * an answer is a word, one value and the end of the line; what the word is, it only logs.
 */
export async function answerTo(
  item: DlistCommand | DlistBreak,
  { receive, log }: { receive: Receive; log: Log },
): Promise<Answer> {
  if (item.kind === 'broken') return bad(item.why, log);
  const notification = notificationIn(item);
  switch (notification.kind) {
    case 'event':
      return take(notification.message, receive, log);
    case 'other class':
      log.debug('ignored', { event: `notification of class ${shortened(notification.class)}` });
      return DONE;
    case 'other method':
      return refuse(notification.method, notification.class, log);
    case 'unknown':
      return bad(notification.why, log);
  }
}

const DONE: Answer = { text: 'OK NIL\r\n', isLast: false };

async function take(message: Buffer, receive: Receive, log: Log): Promise<Answer> {
  const startMs = performance.now();
  try {
    const { bad: reason } = await receive(message, 'cyrus');
    // Cyrus can do nothing better with it, so it is told that all is well.
    if (reason !== undefined) log.warn('Cyrus sent an event that cannot be taken', { reason });
    return DONE;
  } catch (error) {
    log.error('an event is lost: neither the database nor the spool takes it', { reason: messageOf(error) });
    return { text: 'NO NIL\r\n', isLast: false };
  } finally {
    const tookMs = Math.round(performance.now() - startMs);
    if (tookMs >= SLOW_MS)
      log.warn('Cyrus waited for an event to be safe, with the mailbox locked', { tookMs });
  }
}

function refuse(method: string, className: string, log: Log): Answer {
  const hint =
    'mail events only; for the notifications of Sieve scripts, Cyrus needs its own notifyd on notifysocket';
  log.warn('refused a notification from Cyrus', {
    method: shortened(method),
    class: shortened(className),
    hint,
  });
  return { text: 'NO "not a method of xapplepush: external only"\r\n', isLast: false };
}

function bad(why: string, log: Log): Answer {
  log.warn('the peer on the Cyrus socket does not speak its protocol', { reason: why });
  return { text: `BAD "${why}"\r\n`, isLast: true };
}

/** Longest name of a method or class in the log; Cyrus's own are words. */
const MAX_NAME_CHARACTERS = 40;

function shortened(name: string): string {
  return name.slice(0, MAX_NAME_CHARACTERS);
}
