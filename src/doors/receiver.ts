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

/** Makes events safe for all doors: in the database, else in the spool. */
export function createReceiver({ intake, spool, clock, log, onWork }: ReceiverOptions): Receive {
  return async (raw, door) => {
    const received: Received = { bad: undefined, targets: 0, topic: undefined, spooled: false };
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
      // Cyrus waits for us with the mailbox locked: what the database cannot take at once waits in the spool.
      const file = writeSpool(spool, raw, clock.nowMs());
      received.spooled = true;
      log.warn('the database cannot take an event now: kept in the spool', {
        door,
        file,
        reason: error.message,
      });
    }
    if (received.targets > 0) onWork();
    return received;
  };
}
