import { ExitCode, OperatorError } from '../process/errors.ts';
import type { Candidate, Ruling } from '../targets/precedence.ts';
import { admitClaim, type TransferRules } from './admission.ts';
import type { Item } from './claim.ts';
import { emptyReport, type ImportReport, record } from './report.ts';
import type { Take } from './taking.ts';

/** So many are read before the database is asked. */
const BATCH = 500;

export interface TakeAllOptions {
  rules: TransferRules;
  take: Take;
  /** Hears how many are done. */
  shown: (done: number) => void;
}

/** Takes everything in a file, in its order. Throws OperatorError (exit 75) where the database fails. */
export async function takeAll(items: Iterable<Item>, options: TakeAllOptions): Promise<ImportReport> {
  const report = emptyReport();
  let batch: Admitted[] = [];
  let done = 0;
  for (const item of items) {
    batch.push(admitted(item, options.rules));
    if (batch.length < BATCH) continue;
    await takeBatch(batch, options.take, report);
    options.shown((done += batch.length));
    batch = [];
  }
  await takeBatch(batch, options.take, report);
  return report;
}

interface Admitted {
  item: Item;
  /** What is to be taken, or what is known already. */
  content: { candidate: Candidate; droppedMailboxes: number } | { ruling: Ruling };
}

function admitted(item: Item, rules: TransferRules): Admitted {
  const admission = 'fault' in item ? item : admitClaim(item.claim, rules);
  if ('fault' in admission) return { item, content: { ruling: { act: 'skipped', fault: admission.fault } } };
  return { item, content: admission };
}

async function takeBatch(batch: readonly Admitted[], take: Take, report: ImportReport): Promise<void> {
  const candidates = batch.flatMap(({ content }) => ('candidate' in content ? [content.candidate] : []));
  const rulings = (await rulingsOn(candidates, take)).values();
  for (const { item, content } of batch) {
    const ruling = 'ruling' in content ? content.ruling : rulings.next().value;
    if (ruling === undefined) throw new Error('a target without a ruling');
    record(report, item, ruling, 'candidate' in content ? content.droppedMailboxes : 0);
  }
}

async function rulingsOn(candidates: readonly Candidate[], take: Take): Promise<Ruling[]> {
  const rulings: Ruling[] = [];
  try {
    while (rulings.length < candidates.length)
      rulings.push(...(await take(candidates.slice(rulings.length))));
    return rulings;
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw new OperatorError(error.message, {
      exitCode: ExitCode.tryAgain,
      hint: 'what was taken before stays; when that is fixed, run the same command again, and it completes the import',
      cause: error,
    });
  }
}
