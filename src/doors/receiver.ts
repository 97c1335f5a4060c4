import type { Clock } from '../clock.ts';
import { readEvents } from '../events/read.ts';
import { writeSpool } from '../events/spool.ts';
import type { Intake } from '../intake.ts';
import type { Log } from '../log.ts';
import { StoreError } from '../store/errors.ts';
import type { DoorName, Receive, Received } from './receive.ts';

export interface ReceiverOptions {
  /** The way in for what comes through that door. */
  intake: (door: DoorName) => Intake;
  spool: string;
  clock: Clock;
  log: Log;
  /** Called when a push has become owed; for an event in the spool that is when it is taken from there. */
  onWork: () => void;
}

/**
 * For so long after the database was locked nobody waits for it: with many deliveries at once, their waits would add
 * up. Short, because a registration over HTTP is refused meanwhile.
 */
export const LOCKED_PAUSE_MS = 250;

/** Makes events safe for all doors: in the database, else in the spool. */
export function createReceiver({ intake, spool, clock, log, onWork }: ReceiverOptions): Receive {
  let lockedMs = -Infinity;
  const isPaused = (): boolean => {
    const sinceMs = clock.nowMs() - lockedMs;
    return sinceMs >= 0 && sinceMs < LOCKED_PAUSE_MS; // clocks are set back
  };
  const keep = (raw: Buffer, door: DoorName, reason: string): Received => {
    const file = writeSpool(spool, raw, clock.nowMs());
    log.warn('the database cannot take an event now: kept in the spool', { door, file, reason });
    return { ...NOTHING, spooled: true };
  };
  return async (raw, door) => {
    // Cyrus waits for us with the mailbox locked: what the database cannot take at once waits in the spool.
    if (isPaused()) return keep(raw, door, 'it was locked a moment ago');
    const received: Received = { ...NOTHING };
    try {
      let items = 0;
      for (const item of readEvents([raw])) {
        items += 1;
        const taken = await intake(door)(item);
        received.bad ??= taken.bad;
        received.topic ??= taken.topic;
        received.targets += taken.targetIds.length;
      }
      if (items === 0) received.bad = 'empty input, expected an event in JSON';
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (error.busy) lockedMs = clock.nowMs();
      received.spooled = keep(raw, door, error.message).spooled;
    }
    if (received.targets > 0) onWork();
    return received;
  };
}

const NOTHING: Readonly<Received> = { bad: undefined, targets: 0, topic: undefined, spooled: false };
