import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { type Store, withStore } from '../db.ts';
import { ExitCode, messageOf, OperatorError } from '../errors.ts';
import { type BadFiles, removeBadFiles } from '../events/bad-files.ts';
import { historyFolder, openHistory } from '../history/history.ts';
import { discardOld, SHELVES } from '../history/shelf.ts';
import type { Log } from '../log.ts';
import type { Compaction } from '../store/compact.ts';
import { StoreError } from '../store/errors.ts';
import { type Removal, removeTargets, targetIds, targetsById, topicsInUse } from '../targets/browse.ts';
import { LISTED_OBJECTS, recordRemoval } from '../targets/remove.ts';
import type { TargetFilter } from '../targets/store.ts';
import { ownTopics, unusedTopics } from './topics.ts';

export interface PruneOptions {
  config: Config;
  clock: Clock;
  log: Log;
  /** Targets that have not been renewed for so long, in milliseconds. */
  olderThanMs: number;
  unusedTopics: boolean;
  /** Changes nothing. */
  dryRun: boolean;
}

/** What was removed, or would be. */
export interface PruneReport {
  dryRun: boolean;
  renewedBeforeMs: number;
  targets: Removal;
  /** Absent where it was not asked for. */
  topics?: { topic: string; count: number }[];
  badFiles: BadFiles & { beforeMs: number };
  /** Of the history, what is too old or too much; in a rehearsal what would be. */
  history: { bytes: number };
  /** What became of the room in the database; in a rehearsal how much is free already. */
  database: Compaction | { freeBytes: number } | { problem: string };
}

/**
 * Removes what nobody needs any more, part by part, while others work. Throws OperatorError: 78 where unused topics
 * are asked for and a credential cannot be loaded, and then nothing is removed; 75 where database or spool cannot be used.
 */
export async function prune(options: PruneOptions): Promise<{ report: PruneReport; exitCode: ExitCode }> {
  const { config, clock, dryRun } = options;
  const nowMs = clock.nowMs();
  const own = options.unusedTopics ? ownTopics(config, nowMs) : undefined;
  return withStore(config.store, async (store) => {
    const renewedBeforeMs = nowMs - options.olderThanMs;
    const targets = await pruneTargets(store, { renewedBeforeMs }, options);
    const topics = own && (await pruneTopics(store, own, renewedBeforeMs, options));
    const badFiles = pruneBadFiles(config, nowMs, dryRun);
    const history = pruneHistory(config, nowMs, dryRun);
    const database = dryRun ? { freeBytes: await store.freeBytes() } : await compact(store, clock);
    const report = {
      dryRun,
      renewedBeforeMs,
      targets,
      ...(topics && { topics }),
      badFiles,
      history,
      database,
    };
    return { report, exitCode: 'problem' in database ? ExitCode.tryAgain : ExitCode.ok };
  });
}

async function pruneTargets(store: Store, filter: TargetFilter, options: PruneOptions): Promise<Removal> {
  const { dryRun, clock } = options;
  const ids = await targetIds(store, filter);
  if (dryRun) return { count: ids.length, listed: await targetsById(store, ids.slice(0, LISTED_OBJECTS)) };
  const removal = await removeTargets(store, ids, { filter, listedMax: LISTED_OBJECTS, clock });
  recordRemoval(openHistory(options), removal, 'pruned', clock.nowMs());
  return removal;
}

/** Those that are too old besides are gone already, and in a rehearsal counted already. */
async function pruneTopics(
  store: Store,
  own: ReadonlySet<string>,
  renewedBeforeMs: number,
  options: PruneOptions,
): Promise<{ topic: string; count: number }[]> {
  const nowMs = options.clock.nowMs();
  const unused = unusedTopics(await topicsInUse(store), own, nowMs);
  const pruned: { topic: string; count: number }[] = [];
  for (const { topic } of unused) {
    const filter = { topic, topicUnusedSinceMs: nowMs, renewedSinceMs: renewedBeforeMs };
    const { count } = await pruneTargets(store, filter, options);
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

function pruneHistory(config: Config, nowMs: number, dryRun: boolean): PruneReport['history'] {
  const folder = historyFolder(config.store);
  const bytes = SHELVES.map((shelf) => discardOld(folder, shelf, config.history, { nowMs, dryRun }));
  return { bytes: bytes.reduce((sum, each) => sum + each, 0) };
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
