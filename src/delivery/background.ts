import { randomUUID } from 'node:crypto';
import { usableOf } from '../apns/credentials/watch.ts';
import type { Clock } from '../process/clock.ts';
import { watchChanges } from '../config/changes.ts';
import type { Config } from '../config/config.ts';
import { currentConfig } from '../config/current.ts';
import { openConfigured } from '../store/configured.ts';
import { openDelivery } from './delivery.ts';
import { drainSpool } from '../intake/drain-spool.ts';
import { createIntake } from '../intake/intake.ts';
import { ExitCode, exitCodeOf } from '../process/errors.ts';
import { createLog, type Log } from '../process/log.ts';
import { reportError } from '../process/report.ts';
import { createReminder } from '../process/reminder.ts';
import { onEndSignals, type Surroundings } from '../process/surroundings.ts';
import { runDeliverer } from './deliverer.ts';
import { noteUsable, wasTold } from './in-vain.ts';
import { refuseBeside } from './serve-alone.ts';
import { startDeliverer } from './wake.ts';

/** All that the process does which `handle` starts; it has no standard streams, so errors go to the log. */
export async function runAsDeliverer(
  configFile: string | undefined,
  around: Surroundings,
): Promise<ExitCode> {
  around.closeLeakedDescriptors();
  const config = await currentConfig(configFile, around.env);
  around.actAsOwnerOf(config.store, config.file);
  const log = createLog({ ...config.log, tell: around.tell });
  try {
    await deliverInBackground({ config, log }, around);
    return ExitCode.ok;
  } catch (error) {
    reportError(error, log);
    return exitCodeOf(error);
  }
}

/** A short-lived deliverer: drains the outbox, lingers and ends. */
export async function deliverInBackground(
  { config, log }: { config: Config; log: Log },
  { clock, onSignals }: Pick<Surroundings, 'clock' | 'onSignals'>,
): Promise<void> {
  const ending = new AbortController();
  const forget = onEndSignals({ onSignals }, () => ending.abort());
  const isReplaced = await deliver({ config, log, clock, signal: ending.signal }).finally(forget);
  if (isReplaced) await startDeliverer(config.file, log);
}

interface Background {
  config: Config;
  log: Log;
  clock: Clock;
  signal: AbortSignal;
}

/** Gives whether another is to be started in its place. */
async function deliver({ config, log, clock, signal }: Background): Promise<boolean> {
  const changed = watchChanges(config);
  refuseBeside(config, 'a deliverer');
  const store = await openConfigured(config, { create: true, log });
  const reminder = createReminder(clock);
  try {
    const delivery = openDelivery({ config, store, clock, log, patient: true, told: wasTold(config) });
    const intake = createIntake({ config, clock, log, store: () => store, newApnsId: randomUUID });
    await delivery.warnOfExpiry();
    const isReplaced = await runDeliverer({
      store,
      courier: delivery.courier,
      takeSpool: async () => {
        const { trouble } = await drainSpool(config.spool, intake, clock, { log });
        if (trouble === undefined) reminder.clear();
        else if (reminder.isDue(trouble.message)) reportError(trouble, log);
      },
      lockFile: `${config.store}.deliverer`,
      controlSocket: config.control,
      lingerMs: config.delivery.lingerMs,
      edition: config.edition,
      changed,
      clock,
      log,
      signal,
    });
    delivery.look();
    noteUsable(config, usableOf(delivery.credentials()).length > 0, log);
    await delivery.close();
    return isReplaced;
  } finally {
    store.close();
  }
}
