import { aborted } from './chores.ts';
import type { Clock } from '../process/clock.ts';
import { messageOf } from '../process/errors.ts';
import { takeHandedOver } from '../process/handed-over.ts';
import type { Surroundings } from '../process/surroundings.ts';
import { createMetrics } from './metrics.ts';
import { openServe, type Serving } from './serve.ts';
import type { Settings } from './shift.ts';
import { type ServiceManager, serviceManager } from './systemd.ts';

type Around = Pick<Surroundings, 'clock' | 'env' | 'stderr' | 'tell' | 'onSignals'>;

/**
 * `serve` as a service: until SIGTERM or SIGINT; SIGHUP reads configuration and certificate again. What cannot be used
 * leaves the old in force. The log's file is opened anew as lines come, so rotation needs nothing.
 */
export async function serveUntilSignalled(configure: () => Promise<Settings>, around: Around): Promise<void> {
  const { clock, env, onSignals } = around;
  const settings = await configure();
  const metrics = createMetrics({ defaultMetrics: true, log: settings.log });
  const manager = serviceManager({ environment: env, clock, log: settings.log });
  const ending = new AbortController();
  const onReplaced = (at: string): void => {
    opening.then(
      ({ log }) => log.info('another serve has taken over and this one ends', { at }),
      () => undefined,
    );
    ending.abort();
  };
  const handedOver = takeHandedOver(env, process.pid, settings.log);
  const opening = openServe({ settings, metrics, clock, handedOver, onReplaced, ending: ending.signal });
  const reloads = queueReloads(opening, configure, manager, ending.signal);
  const forget = [onSignals(['SIGTERM', 'SIGINT'], () => ending.abort()), onSignals(['SIGHUP'], reloads.ask)];
  try {
    const watchdog = manager.watch(() => true, ending.signal);
    const serving = await opening;
    void manager.ready();
    sayReady(serving, settings, around);
    void keepStatus(serving, manager, clock, ending.signal);
    await aborted(ending.signal);
    void manager.stopping();
    await reloads.settled();
    await serving.end();
    await watchdog;
  } finally {
    ending.abort(); // else the watchdog would keep a `serve` alive that could not open
    for (const each of forget) each();
  }
}

/** Tells a person who started it on a terminal; the log may go elsewhere. */
function sayReady(serving: Serving, { config }: Settings, { stderr, tell }: Around): void {
  const { destination, level } = config.log;
  const isLogged = destination === 'stderr' && (level === 'info' || level === 'debug');
  if (stderr.isTTY !== true || isLogged) return;
  tell(`xapplepush: ready; takes events through ${serving.doors().join(', ')}; Ctrl-C ends it\n`);
  const trouble = serving.trouble();
  if (trouble !== undefined) tell(`xapplepush: warn: ${trouble}\n`);
}

/** How often it is looked whether `systemctl status` is to show something else. */
const STATUS_INTERVAL_MS = 2000;

async function keepStatus(
  serving: Serving,
  manager: ServiceManager,
  clock: Clock,
  ending: AbortSignal,
): Promise<void> {
  let shown: string | undefined;
  while (!ending.aborted) {
    const text = serving.trouble() ?? 'events are taken, and pushes sent';
    if (text !== shown) await manager.status(text);
    shown = text;
    await clock.sleep(STATUS_INTERVAL_MS, ending);
  }
}

interface Reloads {
  ask: () => void;
  /** Resolves when none is under way. */
  settled: () => Promise<void>;
}

/** One at a time; what is asked for while one waits is asked for once. */
function queueReloads(
  opening: Promise<Serving>,
  configure: () => Promise<Settings>,
  manager: ServiceManager,
  ending: AbortSignal,
): Reloads {
  let last: Promise<void> = Promise.resolve();
  let isAsked = false;
  const run = async (): Promise<void> => {
    const serving = await opening;
    isAsked = false;
    if (!ending.aborted) await reload(serving, configure, manager);
  };
  return {
    ask: () => {
      if (isAsked) return;
      isAsked = true;
      last = last.then(run);
      last.catch(() => undefined); // that it could not open is told by whoever opened it
    },
    settled: () => last,
  };
}

async function reload(
  serving: Serving,
  configure: () => Promise<Settings>,
  manager: ServiceManager,
): Promise<void> {
  const told = manager.reloading();
  try {
    await serving.reload(await configure());
  } catch (error) {
    serving.log.error('the configuration cannot be used; the old one stays in force', {
      reason: messageOf(error),
    });
  }
  await told;
  await manager.ready();
}
