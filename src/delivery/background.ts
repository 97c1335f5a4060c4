import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, fstatSync, readdirSync, readFileSync } from 'node:fs';
import { usableOf } from '../apns/credentials/watch.ts';
import { systemClock } from '../process/clock.ts';
import { watchChanges } from '../config/changes.ts';
import type { Config } from '../config/config.ts';
import { currentConfig } from '../config/current.ts';
import { openStore } from '../store/open.ts';
import { openDelivery } from './delivery.ts';
import { drainSpool } from '../intake/drain-spool.ts';
import { createIntake } from '../intake/intake.ts';
import { ExitCode, exitCodeOf } from '../process/errors.ts';
import { actAsOwnerOf } from '../process/identity.ts';
import { createLog, type Log } from '../process/log.ts';
import { reportError } from '../process/report.ts';
import { createReminder } from '../process/reminder.ts';
import { runDeliverer } from './deliverer.ts';
import { noteUsable, wasTold } from './in-vain.ts';
import { startDeliverer } from './wake.ts';

/** All that the process does which `handle` starts; it has no standard streams, so errors go to the log. */
export async function runAsDeliverer(configFile: string | undefined): Promise<ExitCode> {
  closeLeakedDescriptors();
  const config = await currentConfig(configFile, process.env);
  actAsOwnerOf(config.store);
  const log = createLog(config.log);
  try {
    await deliverInBackground({ config, log });
    return ExitCode.ok;
  } catch (error) {
    reportError(error, log);
    return exitCodeOf(error);
  }
}

/** A short-lived deliverer: drains the outbox, lingers and ends. */
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
    await delivery.warnOfExpiry();
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

/** open(2): the flag as fdinfo of proc(5) shows it, in octal. */
const O_CLOEXEC = 0o2000000;

/** So far, and on to the first one that is not open, Node marks what it inherits (libuv, uv_disable_stdio_inheritance). */
const MARKED = 15;

/**
 * Closes the sockets and pipes that leaked into us from the mail server through the handler that started us: we stay
 * when it has gone, and somebody may wait for their end. Node opens its own descriptors close-on-exec and marks those
 * that it inherits with low numbers, so the handler has passed on none of these; the rest are known by the missing mark.
 * V8 opens its logs without it: files stay open.
 */
function closeLeakedDescriptors(): void {
  const folder = '/proc/self/fdinfo';
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const descriptor = Number(name);
    if (descriptor <= MARKED || !passesOn(`${folder}/${name}`)) continue;
    const kind = fstatSync(descriptor);
    if (kind.isSocket() || kind.isFIFO()) closeSync(descriptor);
  }
}

function passesOn(fdinfo: string): boolean {
  if (!existsSync(fdinfo)) return false; // that of the listing itself
  const flags = /^flags:\s+(\d+)/m.exec(readFileSync(fdinfo, 'utf8'))?.[1] ?? '';
  return (parseInt(flags, 8) & O_CLOEXEC) === 0;
}
