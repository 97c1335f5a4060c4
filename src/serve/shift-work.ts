import { deliver, untilSignal } from '../delivery/loop.ts';
import type { Bell } from '../process/bell.ts';
import { followLog, SILENT } from '../process/follow-log.ts';
import { createReminder } from '../process/reminder.ts';
import { StoreError } from '../store/errors.ts';
import type { ClosedDoor } from '../store/presence.ts';
import { aborted, keepAnnouncing, keepLooking, keepWarning, takeBackAnnouncement, within } from './chores.ts';
import { endSharing, keepHistory } from './history-chore.ts';
import type { Parts, Shift } from './shift.ts';
import type { StorePlace } from './store-place.ts';

/** How long pushes under way may take once the end has come; systemd waits longer before it kills. */
export const ENDING_TIMEOUT_MS = 9000;

/** Resolves when it has ended, or when an answer of Apple's takes too long. */
export async function work(
  { settings: { config, log }, store, delivery, notices, trouble, clock, ending }: Parts,
  { bell, place, closed }: { bell: Bell; place: StorePlace; closed: () => readonly ClosedDoor[] },
): Promise<void> {
  const { signal } = ending;
  let isOver = false;
  // An answer later than that finds the store closed, and its lease given back: there is nothing to tell.
  const logUntilOver = followLog(() => (isOver ? SILENT : log));
  const { courier } = delivery;
  const hush = store.listen?.(() => {
    bell.ring();
    courier.nudge();
    notices.ring();
  });
  const delivering = Promise.all([
    deliver({ store, courier, clock, bell, signal }, untilSignal(logUntilOver, createReminder(clock))),
    notices.keep(logUntilOver),
  ]);
  const onWritten = (error?: unknown): void => {
    if (error instanceof StoreError && error.busy) return; // it is free again soon, or events tell
    if (error !== undefined) trouble.note(error, log);
    else if (place.isInPlace()) trouble.clear();
  };
  const chore = { clock, log, ending: signal };
  const chores = [
    keepAnnouncing(config, store, { closed, onWritten }, chore),
    keepWarning(delivery, chore),
    keepHistory(config, store, delivery.owner, chore),
    keepLooking(delivery, () => bell.ring(), chore),
  ];
  await aborted(signal);
  hush?.();
  await within(ENDING_TIMEOUT_MS, delivering, clock);
  isOver = true;
  await Promise.all(chores);
}

/** What a shift had leased, and had said of itself, when it has ended; `next` is who goes on. */
export async function giveBack(
  { settings: { config, log }, store, delivery, notices, clock }: Parts,
  next?: Shift,
): Promise<void> {
  await delivery.close();
  await notices.close();
  if (next?.store?.file !== store.file) await takeBackAnnouncement(store, log);
  await store.releaseLeases([delivery.owner]);
  await endSharing(config, store, delivery.owner, { clock, log });
}
