import type { Clock } from '../process/clock.ts';
import { type ReadItem, readEvents } from '../events/read.ts';
import { writeSpool } from '../spool/spool.ts';
import { withToldTopic } from '../events/xaps.ts';
import { OperatorError } from '../process/errors.ts';
import type { Intake, Taken } from '../intake/intake.ts';
import type { Log } from '../process/log.ts';
import { NotRegistered, StoreError } from '../store/errors.ts';
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
 * up.
 */
export const LOCKED_PAUSE_MS = 250;

/** Makes events safe for all doors: in the database, else in the spool, whatever stands in their way. */
export function createReceiver({ intake, spool, clock, log, onWork }: ReceiverOptions): Receive {
  let lockedMs = -Infinity;
  const isPaused = (): boolean => clock.steadyMs() - lockedMs < LOCKED_PAUSE_MS;
  const keep = (raw: Buffer, door: DoorName, reason: string): void => {
    const file = writeSpool(spool, raw, clock.nowMs());
    log.warn('an event cannot be taken now: kept in the spool', { door, file, reason });
  };
  return async (raw, door) => {
    // Cyrus waits for us with the mailbox locked: what the database cannot take at once waits in the spool.
    const locked = isPaused();
    const received: Received = { ...NOTHING };
    let item: ReadItem | undefined;
    try {
      for (item of readEvents([raw])) add(received, await intake(door)(item, { locked }));
      if (item === undefined) received.bad = 'empty input, expected an event in JSON';
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      if (isBusy(error) && !locked) lockedMs = clock.steadyMs();
      if (error instanceof NotRegistered) received.topic ??= error.topic;
      keep(told(raw, item, received.topic), door, error.message);
      received.spooled = true;
    }
    if (received.targets > 0) onWork();
    return received;
  };
}

function isBusy(error: OperatorError): boolean {
  return error instanceof StoreError && error.busy;
}

function add(received: Received, { bad, topic, targetIds }: Taken): void {
  received.bad ??= bad;
  received.topic ??= topic;
  received.targets += targetIds.length;
}

/** A registration that is kept says what its device is told, so that it is made for that topic whenever it is read. */
function told(raw: Buffer, item: ReadItem | undefined, topic = ''): Buffer {
  if (topic === '' || item === undefined || 'bad' in item || item.raw.length < raw.length - 1) return raw;
  const registration = withToldTopic(item.value, topic);
  return registration === undefined ? raw : Buffer.from(JSON.stringify(registration));
}

const NOTHING: Readonly<Received> = { bad: undefined, targets: 0, topic: undefined, spooled: false };
