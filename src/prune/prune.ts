import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import { leaseOwner } from '../delivery/lease.ts';
import type { Store, Compaction } from '../store/store.ts';
import { withStore } from '../store/configured.ts';
import { ExitCode, messageOf, OperatorError } from '../process/errors.ts';
import { type BadFiles, removeBadFiles } from '../spool/bad-files.ts';
import { openHistory } from '../history/history.ts';
import { keptHistory } from '../history/kept.ts';
import type { Log } from '../process/log.ts';
import { StoreError } from '../store/errors.ts';
import { type Removal, removeInTurns } from '../devices/pages.ts';
import { LISTED_OBJECTS, recordRemoval } from '../devices/remove.ts';
import type { Refusal } from './decision.ts';
import { pruneEndpoints } from './endpoints.ts';
import { type Part, type Plan, planPrune } from './plan.ts';
import { refusalError } from './refusal.ts';
import { ownTopics } from './topics.ts';

export interface PruneOptions {
  config: Config;
  clock: Clock;
  log: Log;
  /** Targets that have not been renewed for so long, in milliseconds. */
  olderThanMs: number;
  unusedTopics: boolean;
  /** Changes nothing. */
  dryRun: boolean;
  /** Removes however many they are. */
  force: boolean;
}

/** What was removed, or would be. */
export interface PruneReport {
  /** Nothing was removed: because it was a rehearsal, or for `refusal`. */
  dryRun: boolean;
  renewedBeforeMs: number;
  targets: Removal;
  /** Calendars and address books whose subscriptions have run out. */
  expired: { count: number };
  /** Of other push services. */
  endpoints: { count: number };
  /** Absent where it was not asked for. */
  topics?: { topic: string; count: number }[];
  badFiles: BadFiles & { beforeMs: number };
  /** Of the history, what is too old or too much; in a rehearsal what would be. */
  history: { bytes: number };
  /** What became of the room in the database; in a rehearsal how much is free already. */
  database: Compaction | { freeBytes: number } | { problem: string };
  /** Another host prunes what they share at this moment: only this host's own files were pruned. */
  isElsewhere?: true;
  /** Why nothing of this is removed without `--force`; absent where nothing speaks against it. */
  refusal?: Refusal;
}

/**
 * Removes what nobody needs any more, part by part, while others work. Throws OperatorError: 78 where unused topics
 * are asked for and a credential cannot be loaded; 75 where so many devices would go that the clock is more likely
 * wrong, and in both cases nothing is removed, bad files and history included; 75 where database or spool cannot be used.
 */
export async function prune(options: PruneOptions): Promise<{ report: PruneReport; exitCode: ExitCode }> {
  const { config, clock } = options;
  const nowMs = clock.nowMs();
  const own = options.unusedTopics ? ownTopics(config, nowMs) : undefined;
  const times = { nowMs, renewedBeforeMs: nowMs - options.olderThanMs };
  return withStore(config, async (store) => {
    const { shared } = store;
    if (shared === undefined || options.dryRun) return pruneAll(store, own, options, times);
    const owner = leaseOwner();
    if (!(await shared.takeDuty('prune', owner, DUTY_MS)))
      return { report: await ownPart(options, times), exitCode: ExitCode.ok };
    try {
      return await pruneAll(store, own, options, times);
    } finally {
      await shared.leaveDuties(owner).catch((error: unknown) => {
        options.log.warn('another host prunes the database in half an hour at the earliest', {
          reason: messageOf(error),
        });
      });
    }
  });
}

/** What several hosts would do at the same time of the night one does; when that has died, another does after so long. */
const DUTY_MS = 30 * 60_000;

interface Times {
  nowMs: number;
  renewedBeforeMs: number;
}

async function ownPart({ config }: PruneOptions, { nowMs, renewedBeforeMs }: Times): Promise<PruneReport> {
  return {
    ...{ dryRun: false, isElsewhere: true, renewedBeforeMs, targets: { count: 0, listed: [] } },
    ...{ expired: { count: 0 }, endpoints: { count: 0 } },
    badFiles: pruneBadFiles(config, nowMs, false),
    history: { bytes: await discardHistory(config, {}, { nowMs, dryRun: false }) },
    database: { freeBytes: 0 },
  };
}

async function pruneAll(
  store: Store,
  own: ReadonlySet<string> | undefined,
  options: PruneOptions,
  times: Times,
): Promise<{ report: PruneReport; exitCode: ExitCode }> {
  const plan = await planPrune(store, { ...times, own });
  const refusal = options.force ? undefined : plan.refusal;
  if (refusal !== undefined && !refusal.small && !options.dryRun) throw refusalError(refusal);
  // A run that is refused on a small host ends as a rehearsal that says why.
  const dryRun = options.dryRun || refusal !== undefined;
  const report = await carryOut(store, plan, { ...options, dryRun }, times);
  return {
    report: { ...report, ...(refusal && { refusal }) },
    exitCode: 'problem' in report.database ? ExitCode.tryAgain : ExitCode.ok,
  };
}

async function carryOut(store: Store, plan: Plan, options: PruneOptions, times: Times): Promise<PruneReport> {
  const { nowMs, renewedBeforeMs } = times;
  const { config, clock, dryRun } = options;
  const targets = await pruneTargets(store, plan.silent, options);
  const { count: expired } = await pruneTargets(store, plan.expired, options);
  const topics = plan.topics && (await pruneTopics(store, plan.topics, options));
  return {
    dryRun,
    renewedBeforeMs,
    targets,
    expired: { count: expired },
    endpoints: { count: await pruneEndpoints(store, options, times) },
    ...(topics && { topics }),
    badFiles: pruneBadFiles(config, nowMs, dryRun),
    history: { bytes: await discardHistory(config, store, { nowMs, dryRun }) },
    database: dryRun ? { freeBytes: await store.freeBytes() } : await compact(store, clock),
  };
}

/** Of a store that hosts share, also what lies in files of this host, which perhaps no `serve` brings any more. */
async function discardHistory(
  config: Config,
  store: Pick<Store, 'shared'>,
  terms: { nowMs: number; dryRun: boolean },
): Promise<number> {
  const ofHost = await keptHistory(config, {}).discard(config.history, terms);
  if (store.shared === undefined) return ofHost;
  return ofHost + (await keptHistory(config, store).discard(config.history, terms));
}

async function pruneTargets(store: Store, { filter, ids }: Part, options: PruneOptions): Promise<Removal> {
  const { dryRun, clock } = options;
  if (dryRun) return { count: ids.length, listed: await store.targetsById(ids.slice(0, LISTED_OBJECTS)) };
  const removal = await removeInTurns(store, ids, { filter, listedMax: LISTED_OBJECTS, clock });
  recordRemoval(openHistory(options), removal, 'pruned', clock.nowMs());
  return removal;
}

async function pruneTopics(
  store: Store,
  parts: readonly (Part & { topic: string })[],
  options: PruneOptions,
): Promise<{ topic: string; count: number }[]> {
  const pruned: { topic: string; count: number }[] = [];
  for (const { topic, ...part } of parts) {
    const { count } = await pruneTargets(store, part, options);
    if (count > 0) pruned.push({ topic, count });
  }
  return pruned;
}

function pruneBadFiles(
  { spool, prune: { badFilesMs } }: Config,
  nowMs: number,
  dryRun: boolean,
): PruneReport['badFiles'] {
  const beforeMs = nowMs - badFilesMs;
  try {
    return { ...removeBadFiles(spool, { beforeMs, dryRun }), beforeMs };
  } catch (error) {
    throw new OperatorError(`cannot remove bad files from spool ${spool}: ${messageOf(error)}`, {
      exitCode: ExitCode.tryAgain,
      hint: 'let the folder and what is in it belong to the user that the mail server runs as',
      cause: error,
    });
  }
}

/** What was removed is told even where the room cannot be given back. */
async function compact(store: Store, clock: Clock): Promise<PruneReport['database']> {
  try {
    return await store.compact(clock);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return { problem: error.message };
  }
}
