import { systemClock } from './clock.ts';
import type { Config } from './config/config.ts';
import { messageOf } from './errors.ts';
import type { Log } from './log.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { serve } from './serve.ts';
import { serviceManager } from './systemd.ts';

interface Settings {
  config: Config;
  log: Log;
}

/**
 * `serve` as a service: until SIGTERM or SIGINT; SIGHUP reads configuration and certificate again. A configuration
 * that cannot be used leaves the old one in force. The log's file is opened for each line, so rotation needs nothing.
 */
export async function serveUntilSignalled(configure: () => Settings): Promise<void> {
  let settings = configure();
  const metrics = createMetrics({ defaultMetrics: true, log: settings.log });
  for (let next: Settings | undefined = settings; next !== undefined;) {
    settings = next;
    next = await serveOnce(settings, metrics, configure);
  }
}

/** Gives the settings to go on with after SIGHUP; undefined when it is over. */
async function serveOnce(
  settings: Settings,
  metrics: Metrics,
  configure: () => Settings,
): Promise<Settings | undefined> {
  const { log } = settings;
  const manager = serviceManager({ environment: process.env, clock: systemClock, log });
  const ending = new AbortController();
  let next: Settings | undefined;
  const stop = (): void => {
    next = undefined;
    ending.abort();
  };
  const reload = (): void => {
    next = configureOrStay(configure, log);
    if (next === undefined) return;
    void manager.reloading();
    ending.abort();
  };
  const handlers = [
    ['SIGTERM', stop],
    ['SIGINT', stop],
    ['SIGHUP', reload],
  ] as const;
  for (const [signal, handler] of handlers) process.on(signal, handler);
  ending.signal.addEventListener('abort', () => {
    if (next === undefined) void manager.stopping();
  });
  try {
    const watchdog = manager.watch(() => true, ending.signal);
    await serve({ ...settings, metrics, onReady: () => void manager.ready(), ending: ending.signal });
    await watchdog;
  } finally {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  }
  return next;
}

function configureOrStay(configure: () => Settings, log: Log): Settings | undefined {
  try {
    return configure();
  } catch (error) {
    log.error('the configuration cannot be used; the old one stays in force', { reason: messageOf(error) });
    return undefined;
  }
}
