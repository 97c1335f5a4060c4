import type { Mailbox } from '../mailboxes/mailbox.ts';
import { enabledServices } from '../services/enabled.ts';
import type { Enqueued, EnqueueRequest } from '../store/intake.ts';
import { comparableOf, readersOf } from './comparable.ts';
import type { IntakeOptions, Taken, Taking } from './intake.ts';
import type { EnqueueNotices } from './notices.ts';
import type { Decision } from './policy.ts';
import { NOBODY_ASKED, whyUntold } from './untold.ts';

type Change = Extract<Decision, { act: 'push' }>;

/** Has everybody told of a change who is to hear of it. Throws StoreError. */
export async function enqueueChange(change: Change, taken: Taken, options: Taking): Promise<void> {
  const { config, clock, atMs } = options;
  const isOfMail = change.gatheringMs === undefined;
  const mailboxes = comparableOf(change.mailboxes, isOfMail, config);
  const store = await options.store();
  // The first of two transactions: where the other fails, all is taken again, and a notice that waits is joined.
  const notices = isOfMail
    ? ((await options.notices?.({ ...change, mailboxes }, store, atMs ?? clock.nowMs())) ?? 0)
    : 0;
  const enqueued = await store.enqueue(requestFor(change, mailboxes, options));
  taken.targetIds.push(...enqueued.targetIds);
  taken.notices += notices;
  taken.names.push(change.name);
  tell({ event: change.name, mailboxes, notices, ...enqueued }, taken, options);
}

function requestFor(
  { name: event, isNewMail, gatheringMs, readable }: Change,
  mailboxes: Mailbox[],
  { config, clock, newApnsId, atMs }: Taking,
): EnqueueRequest {
  return {
    ...{ event, isNewMail, mailboxes, nowMs: clock.nowMs(), atMs, newApnsId, timing: config.delivery },
    ...(gatheringMs !== undefined && { gatheringMs: Math.min(gatheringMs, config.delivery.lingerMs) }),
    ...(readable !== undefined && { mayRead: readersOf(readable, config) }),
  };
}

interface Told extends Enqueued {
  event: Change['name'];
  mailboxes: Mailbox[];
  notices: number;
}

function tell(
  { event, mailboxes, notices, targetIds, ...untold }: Told,
  taken: Taken,
  { log, history, clock }: Taking,
): void {
  const names = mailboxes.map(({ owner, path }) => `${owner}:${path}`);
  const targets = targetIds.length;
  const services = notices > 0 ? { notices } : {};
  log.debug(targets + notices > 0 ? 'enqueued' : 'nobody subscribed', {
    ...{ event, mailboxes: names, targets },
    ...services,
  });
  const reason = whyUntold(untold) ?? (targets > 0 ? undefined : NOBODY_ASKED);
  history.record({
    ...{ kind: 'event', atMs: clock.nowMs(), event, mailboxes },
    ...{ decision: targets + notices > 0 ? 'push' : 'nobody', targets, ...services },
    ...(reason !== undefined && { reason }),
  });
  if (targets === 0) taken.silent.push(`${event} in ${names.join(', ')}: ${reason ?? NOBODY_ASKED}`);
}

/** Undefined where no service but Apple's is switched on; else loaded with the first change. */
export function lazyNotices(options: Pick<IntakeOptions, 'config' | 'clock'>): EnqueueNotices | undefined {
  if (enabledServices(options.config).length === 0) return undefined;
  let enqueue: Promise<EnqueueNotices> | undefined;
  const load = async (): Promise<EnqueueNotices> => (await import('./notices.ts')).createNotices(options);
  return async (...change) => (await (enqueue ??= load()))(...change);
}
