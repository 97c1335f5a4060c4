import { aborted } from './chores.ts';
import { systemClock } from './clock.ts';
import { hearingFor, keepControlDoor } from './control-chore.ts';
import { keepDescriptors } from './descriptors.ts';
import { type Doors, type DoorsOptions, openDoors } from './doors/doors.ts';
import { messageOf } from './errors.ts';
import type { HandedOver } from './handed-over.ts';
import { followLog } from './follow-log.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { openShift, type Settings, type Shift } from './shift.ts';
import { keepHeapSmall } from './small-heap.ts';

export interface ServeOptions {
  settings: Settings;
  metrics: Metrics;
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
  retiring: Promise<void>;
  isReady: boolean;
}

/**
 * Keeps the connection to Apple, takes events through its doors and sends what is owed. Throws OperatorError where the
 * store or a door cannot be used.
 */
export async function openServe(options: ServeOptions): Promise<Serving> {
  keepHeapSmall();
  const { settings, metrics } = options;
  const current = await openShift(settings, metrics);
  const state: State = { current, retiring: Promise.resolve(), isReady: false };
  metrics.watch(() => state.current.state());
  try {
    const log = followLog(() => state.current.settings.log);
    const doors = await openDoors(settings.config, doorsOptions(state, log, options));
    begin(state, doors);
    void keepDescriptors({ log, clock: systemClock }, options.ending);
    const turns = takeTurns();
    const reloadTo = (next: Settings): Promise<void> => turns(() => reload(state, doors, next, options));
    const watching = keepStoreInPlace(state, reloadTo, options.ending);
    return {
      log,
      reload: reloadTo,
      end: async () => {
        await watching;
        await turns(() => end(state, doors, metrics));
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
  const { metrics, ending, handedOver, onReplaced } = options;
  const shift = (): Shift => state.current;
  const onWord = hearingFor(shift, log);
  return {
    receive: (raw, door) => state.current.receive(raw, door),
    takeSpool: () => state.current.takeSpool(),
    keepControl: ({ store, control }, onYield, signal) => {
      const lockFile = `${store}.deliverer`;
      return keepControlDoor({ lockFile, control, shift, onWord, onYield, log, ending: signal });
    },
    onWord,
    onReplaced,
    handedOver,
    ready: () => {
      if (ending.aborted) return { ready: false, reason: 'ending' };
      if (!state.isReady) return { ready: false, reason: 'starting' };
      const reason = state.current.trouble();
      return { ready: true, ...(reason !== undefined && { reason }) };
    },
    metrics: () => metrics.text(),
    clock: systemClock,
    log,
  };
}

function begin(state: State, doors: Doors): void {
  state.current.begin();
  state.isReady = true;
  state.current.settings.log.info('serving', { doors: doors.names() });
}

async function reload(
  state: State,
  doors: Doors,
  settings: Settings,
  { metrics, ending }: ServeOptions,
): Promise<void> {
  await Promise.race([state.retiring, aborted(ending)]); // two at most are at work
  if (ending.aborted) return;
  const before = state.current;
  const next = await openShift(settings, metrics);
  state.current = next;
  await doors.follow(settings.config);
  begin(state, doors);
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

/** How often it is looked whether the database is the one that was opened. */
const STORE_INTERVAL_MS = 1000;

/** Opens the database anew when its file was moved or replaced; events wait in the spool meanwhile. */
async function keepStoreInPlace(
  state: State,
  reloadTo: (settings: Settings) => Promise<void>,
  ending: AbortSignal,
): Promise<void> {
  let trouble = '';
  for (;;) {
    await systemClock.sleep(STORE_INTERVAL_MS, ending);
    if (ending.aborted) return;
    const { current } = state;
    if (current.isInPlace()) continue;
    const { config, log } = current.settings;
    try {
      await reloadTo(current.settings);
      const hint = 'what was written before stays in the file that was moved away';
      log.warn('the database was moved or replaced: it is opened anew', { store: config.store, hint });
      trouble = '';
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== trouble)
        log.error('the database was moved or replaced and cannot be opened anew: events wait in the spool', {
          store: config.store,
          reason,
        });
      trouble = reason;
    }
  }
}

async function end(state: State, doors: Doors, metrics: Metrics): Promise<void> {
  const { current, retiring } = state;
  try {
    const closing = doors.close();
    await Promise.all([current.end(closing), retiring]);
    current.settings.log.info('ended');
  } finally {
    metrics.watch(undefined);
  }
}
