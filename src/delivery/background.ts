import { randomUUID } from 'node:crypto';
import { usableOf } from '../apns/credentials/watch.ts';
import { systemClock } from '../process/clock.ts';
import { watchChanges } from '../config/changes.ts';
import type { Config } from '../config/config.ts';
import { openStore } from '../store/open.ts';
import { openDelivery } from './delivery.ts';
import { drainSpool } from '../intake/drain-spool.ts';
import { createIntake } from '../intake/intake.ts';
import { type Log, reportError } from '../process/log.ts';
import { createReminder } from '../process/reminder.ts';
import { runDeliverer } from './deliverer.ts';
import { warnOfExpiry } from './expiry.ts';
import { noteUsable, wasTold } from './in-vain.ts';
import { startDeliverer } from './start.ts';

/** The short-lived deliverer that `handle` starts: drains the outbox, lingers and ends. */
export async function deliverInBackground({ config, log }: { config: Config; log: Log }): Promise<void> {
  const ending = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      ending.abort();
    });
  if (await deliver(config, log, ending.signal)) await startDeliverer(config.file, log);
}

/** Gives whether another is to be started in its place. */
async function deliver(config: Config, log: Log, signal: AbortSignal): Promise<boolean> {
  const clock = systemClock;
  const changed = watchChanges(config);
  const store = openStore(config.store, { create: true, log });
  const reminder = createReminder(clock);
  try {
    const delivery = openDelivery({ config, store, clock, log, patient: true, told: wasTold(config) });
    const intake = createIntake({ config, clock, log, store: () => store, newApnsId: randomUUID });
    await warnOfExpiry(usableOf(delivery.credentials()), {
      store,
      server: config.apns.server.origin,
      clock,
      log,
    });
    const isReplaced = await runDeliverer({
      store,
      courier: delivery.courier,
      takeSpool: async () => {
        const { trouble } = await drainSpool(config.spool, intake, clock, log);
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
