import { randomUUID } from 'node:crypto';
import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import { openConfigured } from '../store/configured.ts';
import type { Store } from '../store/store.ts';
import { openDelivery } from './delivery.ts';
import { drainSpool, type SpoolReport } from '../intake/drain-spool.ts';
import { ExitCode } from '../process/errors.ts';
import { createIntake } from '../intake/intake.ts';
import { enabledServices } from '../services/enabled.ts';
import type { Log } from '../process/log.ts';
import { reportError } from '../process/report.ts';
import type { CourierOptions } from './courier.ts';
import { releaseDeadLeases } from './lease.ts';
import { deliver, untilIdle } from './loop.ts';
import { refuseBeside } from './serve-alone.ts';
import { countOf, timeText } from '../process/text.ts';
import { setAllRight } from './setting-right.ts';

export interface FlushReport {
  spool: Omit<SpoolReport, 'trouble'>;
  delivered: number;
  /** Attempts that Apple refused for good. */
  refused: number;
  /** Attempts that will be made again. */
  postponed: number;
  /** Rows that are left in the outbox. */
  waiting: number;
  /** When the next of them is due, in milliseconds since the epoch; null when none is. */
  nextMs: number | null;
}

export interface FlushOptions {
  config: Config;
  log: Log;
  clock: Clock;
  /** Also try what waits for a later attempt. */
  all: boolean;
}

/** Reads the spool and delivers what is due, once: also where not all of the spool can be taken, which is told. */
export async function flush(options: FlushOptions): Promise<{ report: FlushReport; exitCode: ExitCode }> {
  const { config, log, clock } = options;
  refuseBeside(config, 'flush');
  const store = await openConfigured(config, { create: true, log });
  try {
    const intake = createIntake({ config, log, clock, store: () => store, newApnsId: randomUUID });
    const { trouble, ...spool } = await drainSpool(config.spool, intake, clock, { log });
    if (trouble !== undefined) reportError(trouble, log);
    await releaseDeadLeases(store);
    await setAllRight(store, clock);
    await store.takeUp(config.edition, clock.nowMs());
    if (options.all) await store.makeAllDue(clock.nowMs());
    await sendNotices(store, options); // the first: they need no credential
    const { report, exitCode } = await deliverOnce(store, spool, options);
    return { report, exitCode: trouble === undefined ? exitCode : worse(exitCode, trouble.exitCode) };
  } finally {
    store.close();
  }
}

/** What waits for other push services; the log tells of it. */
async function sendNotices(store: Store, options: FlushOptions): Promise<void> {
  const { config, clock, all } = options;
  if (enabledServices(config).length === 0) return;
  const { openNotices, releaseDeadNotices } = await import('./notices.ts');
  await releaseDeadNotices(store);
  if (all) await store.makeNoticesDue(clock.nowMs());
  const delivery = openNotices({ ...options, store });
  await delivery.courier.drain().finally(() => delivery.close());
}

/** What a person must put right weighs more than what comes right by itself. */
function worse(exitCode: ExitCode, other: ExitCode): ExitCode {
  return exitCode === ExitCode.ok || other === ExitCode.configuration ? other : exitCode;
}

async function deliverOnce(
  store: Store,
  spool: FlushReport['spool'],
  { config, log, clock }: FlushOptions,
): Promise<{ report: FlushReport; exitCode: ExitCode }> {
  const report: FlushReport = { spool, delivered: 0, refused: 0, postponed: 0, waiting: 0, nextMs: null };
  const before = await store.countDue();
  if (before.nextMs === undefined || before.nextMs > clock.nowMs())
    return finish(report, before, ExitCode.ok);
  let exitCode: ExitCode = ExitCode.ok;
  const onSettled: CourierOptions['onSettled'] = (_push, outcome, settlement) => {
    if (outcome.kind === 'delivered') report.delivered += 1;
    else if (settlement.row === 'finished') report.refused += 1;
    else {
      report.postponed += 1;
      const unreachable = outcome.kind === 'retry' && outcome.scope === 'connection';
      exitCode = unreachable ? ExitCode.unavailable : exitCode === ExitCode.ok ? ExitCode.tryAgain : exitCode;
    }
  };
  const delivery = openDelivery({ config, store, log, clock }, { onSettled });
  try {
    await delivery.warnOfExpiry();
    await deliver({ store, courier: delivery.courier, clock }, untilIdle(clock, 0)); // what fails is due later
  } finally {
    await delivery.close();
  }
  return finish(report, await store.countDue(), exitCode);
}

function finish(
  report: FlushReport,
  { rows, nextMs }: { rows: number; nextMs: number | undefined },
  exitCode: ExitCode,
): { report: FlushReport; exitCode: ExitCode } {
  return { report: { ...report, waiting: rows, nextMs: nextMs ?? null }, exitCode };
}

/** The report in words, for a person. */
export function describeFlush(report: FlushReport): string {
  const { spool, delivered, refused, postponed } = report;
  const lines = [
    `spool:   ${countOf(spool.taken, 'file')} read, ${spool.bad} set aside as bad`,
    `pushes:  ${delivered} delivered, ${refused} refused by Apple, ${postponed} to be tried again`,
    `waiting: ${countOf(report.waiting, 'push', 'pushes')}${report.nextMs === null ? '' : `, next ${timeText(report.nextMs)}`}`,
  ];
  return lines.map((line) => `${line}\n`).join('');
}
