import { aborted } from './chores.ts';
import type { Clock } from '../process/clock.ts';
import { hearingFor, keepControlDoor } from './control-chore.ts';
import { keepDescriptors } from '../process/descriptors.ts';
import { type Doors, type DoorsOptions, openDoors } from '../doors/doors.ts';
import { messageOf } from '../process/errors.ts';
import type { HandedOver } from '../process/handed-over.ts';
import { spoolFigures } from './figures.ts';
import { followLog } from '../process/follow-log.ts';
import type { Log } from '../process/log.ts';
import type { Metrics } from './metrics.ts';
import { isOwnerKnown } from '../process/identity.ts';
import { openShift, type Settings, type Shift, type ShiftMeans } from './shift.ts';
import { visible } from '../process/text.ts';
import { keepHeapSmall } from '../process/small-heap.ts';
import { StoreError } from '../store/errors.ts';
import { keepPages, makePage } from './status-page.ts';
import { keepStoreInPlace, openInPlaceOf } from './store-place.ts';
import { watchStoreTrouble } from './store-trouble.ts';
import { openWaitingShift } from './waiting-shift.ts';

export interface ServeOptions {
  settings: Settings;
  metrics: Metrics;
  clock: Clock;
  /** Aborts when the end has come: from then on it says that it is not ready. */
  ending: AbortSignal;
  /** Sockets that systemd holds. */
  handedOver: HandedOver;
  /** Called when another `serve` has taken the place of this one, which is to end. */
  onReplaced: (at: string) => void;
}

/** A `serve` whose doors are open. */
export interface Serving {
  /** That of the settings in force. */
  readonly log: Log;
  /** The doors that are open, with their places. */
  doors(): readonly string[];
  /** What keeps events out or pushes from being sent, in one line with its fix; undefined where nothing does. */
  trouble(): string | undefined;
  /**
   * Goes on with other settings, while every door stays open that they do not change; resolves when they are in force.
   * One after the other. Throws as openServe does; then all stays as it was.
   */
  reload(settings: Settings): Promise<void>;
  /** Closes the doors; what is under way gets its answer or its lease back. */
  end(): Promise<void>;
}

/** The shift that works now, and the one before while it waits for Apple's last answers. */
interface State {
  current: Shift;
  /** Undefined until they are opened. */
  doors?: Doors;
  retiring: Promise<void>;
  isReady: boolean;
  means: ShiftMeans;
}

/**
 * Keeps the connection to Apple, takes events through its doors and sends what waits. While the database cannot be
 * used, events wait in the spool; a door that cannot be opened is tried again. Throws OperatorError where only another
 * configuration can help.
 */
export async function openServe(options: ServeOptions): Promise<Serving> {
  keepHeapSmall();
  const { settings, metrics, clock, ending } = options;
  const means: ShiftMeans = { metrics, clock, trouble: watchStoreTrouble(clock) };
  const current = await openShiftOrWait(settings, means);
  const state: State = { current, retiring: Promise.resolve(), isReady: false, means };
  metrics.watch(() => state.current.state(), {
    doors: () => state.doors?.states() ?? [],
    spool: () => spoolFigures(state.current.settings.config.spool, clock.nowMs()),
  });
  try {
    const log = followLog(() => state.current.settings.log);
    current.begin(() => state.doors?.closed() ?? []); // whoever has our port may take some seconds to make room
    const doors = await openDoors(settings.config, doorsOptions(state, log, options));
    state.doors = doors;
    sayServing(state, doors);
    void keepDescriptors({ log, clock }, ending);
    const turns = takeTurns();
    const reloadBy = (open: () => Promise<Shift>): Promise<void> =>
      turns(() => reload(state, doors, open, ending));
    const reopen = (): Promise<void> => reloadBy(() => openShift(state.current.settings, means));
    const kept = { ...means, current: () => state.current, reopen };
    const watching = keepStoreInPlace(kept, ending);
    return {
      log,
      doors: () => doors.names(),
      trouble: () => troubleOf(state),
      reload: (next) => reloadBy(() => openNext(state, next)),
      end: async () => {
        await watching;
        await turns(() => end(state, doors));
      },
    };
  } catch (error) {
    metrics.watch(undefined);
    await current.end();
    throw error;
  }
}

/** Doors speak to the shift that works now. */
function doorsOptions(state: State, log: Log, options: ServeOptions): DoorsOptions {
  const { metrics, clock, ending, handedOver, onReplaced } = options;
  const shift = (): Shift => state.current;
  const onWord = hearingFor(shift, log);
  return {
    receive: (raw, door) => state.current.receive(raw, door),
    use: (work) => state.current.use(work),
    takeSpool: () => state.current.takeSpool(),
    subscriptions: () => state.current.subscriptions(),
    keepControl: ({ store, control }, onYield, signal) => {
      const lockFile = `${store}.deliverer`;
      return keepControlDoor({ lockFile, control, shift, onWord, onYield, clock, log, ending: signal });
    },
    ...{ onWord, onReplaced, handedOver, clock, log },
    ready: () => {
      if (ending.aborted) return { ready: false, reason: 'ending' };
      if (!state.isReady) return { ready: false, reason: 'starting' };
      const reason = troubleOf(state);
      return { ready: true, ...(reason !== undefined && { reason }) };
    },
    metrics: () => metrics.text(),
    page: keepPages((user) => makePage({ configFile: shift().settings.config.file, user, ending })),
  };
}

function sayServing(state: State, doors: Doors): void {
  state.isReady = true;
  state.current.settings.log.info('ready', { doors: doors.names() });
}

/** In one line, which shows what paths and names in it hold. */
function troubleOf({ means, doors, current }: State): string | undefined {
  const troubles = [means.trouble.text() ?? current.trouble(), doors?.trouble()];
  const texts = troubles.flatMap((text) => text ?? []);
  return texts.length === 0 ? undefined : visible(texts.join('; ').replaceAll('\n', '; '));
}

/** Tells the log of a database that cannot be used yet. Throws StoreError where its owner is not known. */
async function openShiftOrWait(settings: Settings, means: ShiftMeans): Promise<Shift> {
  try {
    return await openShift(settings, means);
  } catch (error) {
    if (!(error instanceof StoreError) || !isOwnerKnown(settings.config.store)) throw error;
    means.trouble.note(error, settings.log);
    return openWaitingShift(settings, means, error);
  }
}

/** For other settings. Throws where they would take the database away that is open. */
function openNext({ current, means }: State, settings: Settings): Promise<Shift> {
  return current.store === undefined ? openShiftOrWait(settings, means) : openShift(settings, means);
}

async function reload(
  state: State,
  doors: Doors,
  open: () => Promise<Shift>,
  ending: AbortSignal,
): Promise<void> {
  await Promise.race([state.retiring, aborted(ending)]); // two at most are at work
  if (ending.aborted) return;
  const before = state.current;
  const next = await openInPlaceOf(before, open);
  const { settings } = next;
  state.current = next;
  next.begin(() => doors.closed());
  await doors.follow(settings.config);
  sayServing(state, doors);
  state.retiring = before.end(undefined, next).catch((error: unknown) => {
    settings.log.error('what the former configuration had under way did not end well', {
      reason: messageOf(error),
    });
  });
}

/** Gives a function that calls one after the other. */
function takeTurns(): (call: () => Promise<void>) => Promise<void> {
  let last = Promise.resolve();
  return (call) => {
    const done = last.then(call);
    last = done.catch(() => undefined); // whoever asked for it is told
    return done;
  };
}

async function end({ current, retiring, means }: State, doors: Doors): Promise<void> {
  try {
    const closing = doors.close();
    await Promise.all([current.end(closing), retiring]);
    current.settings.log.info('ended');
  } finally {
    means.metrics.watch(undefined);
  }
}
