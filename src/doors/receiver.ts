import type { Clock } from '../process/clock.ts';
import { type ReadItem, readEvents } from '../events/read.ts';
import { singly } from '../events/singly.ts';
import { writeSpool } from '../spool/spool.ts';
import { withToldTopic } from '../events/xaps.ts';
import { OperatorError } from '../process/errors.ts';
import type { Intake, Taken } from '../intake/intake.ts';
import { createOrder, inGroups } from '../intake/order.ts';
import type { Log } from '../process/log.ts';
import { NotRegistered, StoreError } from '../store/errors.ts';
import type { DoorName, Receive, Received } from './receive.ts';

export interface ReceiverOptions {
  /** The way in for what comes through that door. */
  intake: (door: DoorName) => Intake;
  spool: string;
  clock: Clock;
  log: Log;
  /** Called when a push waits anew; for an event in the spool that is when it is taken from there. */
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
    const file = writeSpool(spool, raw, clock.nowMs(), { byHttp: isHttp(door) });
    log.warn('an event cannot be taken now: kept in the spool', { door, file, reason });
  };
  return async (raw, door) => {
    // Cyrus waits for us with the mailbox locked: what the database cannot take at once waits in the spool.
    const locked = isPaused();
    const received: Received = { ...NOTHING };
    const given = { locked, byHttp: isHttp(door) };
    const { items, left, trouble } = await takeEach(raw, received, (item) => intake(door)(item, given));
    if (items === 0) received.bad = 'empty input, expected an event in JSON';
    if (trouble !== undefined) {
      if (isBusy(trouble) && !locked) lockedMs = clock.steadyMs();
      keep(Buffer.from(left.join('\n')), door, trouble.message);
      received.spooled = true;
    }
    if (received.targets > 0) onWork();
    return received;
  };
}

function isHttp(door: DoorName): boolean {
  return door === 'http';
}

/** So many at once: a transaction with more of them keeps others waiting. */
const TOGETHER = 500;

/** Until there is trouble: what is left then waits without the rest, which would be told again; what is bad is told. */
async function takeEach(
  raw: Buffer,
  received: Received,
  intake: Intake,
): Promise<{ items: number; left: Buffer[]; trouble: OperatorError | undefined }> {
  const inOrder = createOrder();
  const left: Buffer[] = [];
  let items = 0;
  let trouble: OperatorError | undefined;
  const takeOrLeave = async (item: ReadItem): Promise<Buffer[]> => {
    if (trouble !== undefined && 'value' in item) return [item.raw];
    const failure = await take(item, received, intake);
    trouble ??= failure;
    return failure === undefined ? [] : [told(item, failure)];
  };
  for (const some of inGroups(singly(readEvents([raw])), TOGETHER)) {
    items += some.length;
    left.push(...(await Promise.all(some.map((item) => inOrder(item, () => takeOrLeave(item))))).flat());
  }
  return { items, left, trouble };
}

async function take(item: ReadItem, received: Received, intake: Intake): Promise<OperatorError | undefined> {
  try {
    add(received, await intake(item));
    return undefined;
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    if (error instanceof NotRegistered) received.topic ??= error.topic;
    return error;
  }
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
function told(item: ReadItem, failure: OperatorError): Buffer {
  const topic = failure instanceof NotRegistered ? failure.topic : '';
  if (topic === '' || 'bad' in item) return item.raw;
  const registration = withToldTopic(item.value, topic);
  return registration === undefined ? item.raw : Buffer.from(JSON.stringify(registration));
}

const NOTHING: Readonly<Received> = { bad: undefined, targets: 0, topic: undefined, spooled: false };
