import { kindOfMailbox } from '../mailboxes/collection.ts';
import type { Mailbox } from '../mailboxes/mailbox.ts';
import type { Enqueued, EnqueueRequest } from './intake.ts';

/** What an engine knows of a target that asked for a mailbox. */
export interface Subscriber {
  targetId: number;
  user: string;
  mailbox: Mailbox;
  disabled: boolean;
  /** A push without a name leads Mail to its INBOX, one with a name to the mailbox that it was told by it. */
  tellable: boolean;
  /** Includes the attempt that is under way. What lies in the future was written by a clock that was ahead. */
  lastPushMs: number | null;
}

/** Who of all that asked is told, and how many are not, and why. Pure. */
export function toldOf<S extends Subscriber>(
  all: readonly S[],
  request: Pick<EnqueueRequest, 'mayRead'>,
): { told: S[]; enqueued: Enqueued } {
  const allowed = all.filter((each) => isAllowed(each, request));
  const targets = allowed.filter(({ tellable }) => tellable);
  const told = targets.filter(({ disabled }) => !disabled);
  return {
    told,
    enqueued: {
      targetIds: idsOf(told),
      disabled: idsOf(targets.filter(({ disabled }) => disabled)).length,
      denied: without(allowed, all),
      unnamed: without(targets, allowed),
    },
  };
}

/** The owner of a mailbox always is; no user is that of a collection, whatever their name. */
function isAllowed({ user, mailbox }: Subscriber, { mayRead }: Pick<EnqueueRequest, 'mayRead'>): boolean {
  const isOwn = mailbox.owner === user && kindOfMailbox(mailbox) === 'mail';
  return isOwn || mayRead === undefined || mayRead(user, mailbox);
}

function idsOf(subscribers: readonly Subscriber[]): number[] {
  return [...new Set(subscribers.map(({ targetId }) => targetId))];
}

/** How many targets of all are not among the kept. */
function without(kept: readonly Subscriber[], all: readonly Subscriber[]): number {
  const ids = new Set(idsOf(kept));
  return idsOf(all).filter((id) => !ids.has(id)).length;
}

/** In SQL, with @nowMs: it has not run out; a target of Mail never does. */
export function isLiving(targets: string): string {
  return `(${targets}.expires_ms IS NULL OR ${targets}.expires_ms > @nowMs)`;
}
