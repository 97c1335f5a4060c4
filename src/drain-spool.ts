import type { Clock } from './clock.ts';
import { claimSpool, type SpooledEvents } from './events/spool.ts';
import { readEvents } from './events/read.ts';
import { messageOf } from './errors.ts';
import type { Intake } from './intake.ts';

export interface SpoolReport {
  /** Files that are in the database now. */
  taken: number;
  /** Files that were set aside. */
  bad: number;
}

/** Takes every waiting file of the spool, oldest first. Throws StoreError; the file at hand is then put back. */
export async function drainSpool(spool: string, intake: Intake, clock: Clock): Promise<SpoolReport> {
  const report: SpoolReport = { taken: 0, bad: 0 };
  for (const file of claimSpool(spool, clock.nowMs())) {
    const reason = await takeFile(file, intake);
    if (reason === undefined) report.taken += 1;
    else report.bad += 1;
  }
  return report;
}

async function takeFile(spooled: SpooledEvents, intake: Intake): Promise<string | undefined> {
  let reason: string | undefined;
  try {
    for (const item of readEvents(spooled.read())) reason = (await intake(item)).bad ?? reason;
  } catch (error) {
    if (isNoFile(error)) {
      reason = messageOf(error);
    } else {
      spooled.putBack();
      throw error;
    }
  }
  if (reason === undefined) spooled.done();
  else spooled.setAside(reason);
  return reason;
}

/** A link or a directory: it never becomes readable, and must not keep the others from being read. */
function isNoFile(error: unknown): boolean {
  return ['ELOOP', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
}
