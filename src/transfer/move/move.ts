import { randomUUID } from 'node:crypto';
import { hostNameOf } from '../../config/host-name.ts';
import { bringBack } from '../../history/bring-back.ts';
import { historyFolder } from '../../history/history.ts';
import { bringAlong, removeBrought } from '../../history/sending.ts';
import type { Clock } from '../../process/clock.ts';
import { ExitCode, OperatorError } from '../../process/errors.ts';
import type { StoreConfig } from '../../store/configured.ts';
import { type Departure, moveCommand } from '../../store/move.ts';
import type { Store } from '../../store/store.ts';
import { createProgress } from '../progress.ts';
import { type Compared, compare, type Count } from './compared.ts';
import { takeDevices } from './devices.ts';
import { untilNobodySends, withBoth, withLeft } from './ends.ts';
import { takePushes } from './pushes.ts';
import { forgetServices, takeServices } from './services.ts';

export interface MoveContext {
  clock: Clock;
  /** Undefined where standard error is no terminal. */
  terminal: ((text: string) => void) | undefined;
  /** What this host is called where hosts share a store. */
  host?: string;
}

export interface Moved {
  /** It was complete before. */
  isOld: boolean;
  compared: Compared | undefined;
}

/**
 * Moves devices, waiting pushes, what credentials have achieved and what other push services need. From its first step on nobody writes to the store
 * that is left, so that events go into the spool and nothing is sent twice. Broken off anywhere it goes on where it was.
 * Throws OperatorError (exit 75) where somebody works with the store that is to be left, or one of both fails.
 */
export function moveStore(from: StoreConfig, to: StoreConfig, context: MoveContext): Promise<Moved> {
  const named = { ...context, host: hostNameOf(to.postgres) };
  return withBoth(from, to, context.clock, (source, target) => moveBetween(source, target, named));
}

/** The same between two that are open, the one that is left as who delivers has it. */
export async function moveBetween(source: Store, target: Store, context: MoveContext): Promise<Moved> {
  const known = await source.departure();
  if (known !== undefined && known.to !== target.file) throw goesElsewhere(source, known);
  const departure = known ?? { id: randomUUID(), to: target.file, step: 'devices' as const };
  if (departure.step === 'done') {
    await forget(target, departure);
    return { isOld: true, compared: undefined };
  }
  await refuseItself(source, target, departure);
  return { isOld: false, compared: await moveAll(source, target, departure, context) };
}

/** Makes the store usable again from which nothing has gone but devices. */
export function stayWith(from: StoreConfig, { clock }: MoveContext): Promise<boolean> {
  return withLeft(from, clock, async (source) => {
    const known = await source.departure();
    if (known === undefined) return false;
    if (known.step !== 'devices') throw hasGone(source, known);
    await source.stay();
    return true;
  });
}

async function moveAll(
  source: Store,
  target: Store,
  departure: Departure,
  { clock, terminal, host = hostNameOf() }: MoveContext,
): Promise<Compared> {
  if (departure.step === 'devices') await leave(source, departure, clock);
  const { targets, waiting } = await source.countRows();
  const progressOf = (all: number, what: string): ReturnType<typeof createProgress> =>
    createProgress({ write: terminal, clock, part: (done) => (all === 0 ? 1 : done / all), what });
  const devices = progressOf(targets, 'devices');
  await takeDevices(source, target, clock, devices.show).finally(devices.end);
  if (departure.step === 'devices') await source.depart({ ...departure, step: 'pushes' });
  const pushes = progressOf(waiting, 'pushes');
  await takePushes(source, target, departure.id, pushes.show).finally(pushes.end);
  await takeServices(source, target, departure.id);
  await target.takeCredentials(await source.keptCredentials());
  const history = await takeHistory(source, target, host, clock.nowMs());
  const compared = {
    ...(await compare(source, target, departure.id)),
    ...(history && { history: history.count }),
  };
  if (compared.devices.there < compared.devices.here) return compared;
  await source.depart({ ...departure, step: 'done' });
  history?.leave();
  await forget(target, departure);
  return compared;
}

async function forget(target: Store, { id }: Departure): Promise<void> {
  await forgetServices(target, id);
  await target.forgetArrival(id);
}

interface TakenHistory {
  count: Count;
  /** Removes what has gone: back it comes from the store. */
  leave: () => void;
}

/** Undefined where both keep it alike: in what hosts share, or in files beside the store. */
async function takeHistory(
  source: Store,
  target: Store,
  host: string,
  nowMs: number,
): Promise<TakenHistory | undefined> {
  if (source.shared !== undefined && target.shared === undefined)
    return { count: await bringBack(source.shared, historyFolder(target.file)), leave: () => undefined };
  if (source.shared !== undefined || target.shared === undefined) return undefined;
  const folder = historyFolder(source.file);
  const brought = await bringAlong(target.shared, { folder, host }, nowMs);
  const sum = (of: 'lines' | 'entries'): number => brought.reduce((total, file) => total + file[of], 0);
  return {
    count: { here: sum('lines'), there: sum('entries') },
    leave: () => brought.forEach((file) => removeBrought(file, { folder, bounds: ALL }, nowMs)),
  };
}

/** Nothing is thrown away while it moves. */
const ALL = { maxEntries: Infinity, maxAgeMs: Infinity };

/** Who was quick enough to begin a push before nobody may any more is waited for too. */
async function leave(source: Store, departure: Departure, clock: Clock): Promise<void> {
  if ((await source.departure()) === undefined) await untilNobodySends(source, clock);
  await source.depart(departure);
  await untilNobodySends(source, clock);
}

/** Two names may lead to one store. */
async function refuseItself(source: Store, target: Store, { id }: Departure): Promise<void> {
  await target.arrive({ id, afterTargetId: (await target.arrival(id))?.afterTargetId ?? 0 }, []);
  if ((await source.arrival(id)) === undefined) return;
  await target.forgetArrival(id);
  throw new OperatorError(`${target.file} is the store that the configuration names`, {
    exitCode: ExitCode.usage,
    hint: 'name another one with --to',
  });
}

function goesElsewhere({ file }: Store, { to, step }: Departure): OperatorError {
  return new OperatorError(`database ${file} ${step === 'done' ? 'was' : 'is being'} moved to ${to}`, {
    exitCode: ExitCode.tryAgain,
    hint:
      step === 'done'
        ? `let \`store\` name ${to}, and move on from there`
        : `complete that first: ${moveCommand(to)}`,
  });
}

function hasGone({ file }: Store, { to, step }: Departure): OperatorError {
  return new OperatorError(`pushes that waited in ${file} are in ${to} by now, and may have been sent`, {
    exitCode: ExitCode.tryAgain,
    hint:
      step === 'done'
        ? `let \`store\` name ${to}, and move back from there, to a file of another name`
        : `complete the move, and then move back: ${moveCommand(to)}`,
  });
}
