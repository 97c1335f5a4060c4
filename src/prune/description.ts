import { countOf, sizeText, timeText, visible } from '../process/text.ts';
import { shown } from '../devices/description.ts';
import { LISTED_ROWS, listOf } from '../devices/remove.ts';
import { IN_FULL } from '../terminal/layout.ts';
import type { PruneReport } from './prune.ts';
import { refusalNote, refusalText } from './refusal.ts';
import { safeJson } from '../process/safe-json.ts';

/** What was done, for a person: a line for each part, and the targets where there are few. */
export function describePrune(report: PruneReport, layout = IN_FULL): string {
  const { targets, expired, endpoints, topics, badFiles, renewedBeforeMs, refusal, isElsewhere } = report;
  const removed = report.dryRun ? 'would remove' : 'removed';
  const size = badFiles.count > 0 ? `, ${sizeText(badFiles.bytes)}` : '';
  const bad = `${removed} ${countOf(badFiles.count, 'bad file')} set aside before ${timeText(badFiles.beforeMs)}${size}\n`;
  const history =
    report.history.bytes > 0 ? `${removed} ${sizeText(report.history.bytes)} of old history\n` : '';
  if (isElsewhere) return `another host prunes the database now\n${bad}${history}`;
  const lines = [
    `${removed} ${countOf(targets.count, 'device')} not renewed since ${timeText(renewedBeforeMs)}\n`,
    listOf({ ...targets, listed: targets.listed.slice(0, LISTED_ROWS) }, layout),
    expiredText(expired.count, removed),
    endpointsText(endpoints.count, removed),
    ...(topics?.length === 0 ? ['no topic is unused\n'] : []),
    ...(topics ?? []).map(
      ({ topic, count }) => `${removed} ${countOf(count, 'device')} of the unused topic ${visible(topic)}\n`,
    ),
    bad,
    history,
    `database: ${databaseText(report.database)}\n`,
    refusal === undefined ? '' : refusalNote(refusal),
  ];
  return lines.join('');
}

function expiredText(count: number, removed: string): string {
  return count === 0
    ? ''
    : `${removed} ${countOf(count, 'subscription')} of calendars and contacts that ran out\n`;
}

function endpointsText(count: number, removed: string): string {
  return count === 0
    ? ''
    : `${removed} ${countOf(count, 'endpoint')} of other push services that ran out or never took a notice\n`;
}

function databaseText(database: PruneReport['database']): string {
  if ('problem' in database) return `cannot be compacted now: ${database.problem}`;
  if (!('bytesAfter' in database)) return `${sizeText(database.freeBytes)} in it are free`;
  const { bytesBefore, bytesAfter, freeBytes, blockedMs, tooLarge } = database;
  const gained = bytesBefore - bytesAfter;
  const gaveBack = `${sizeText(bytesAfter)}, gave back ${gained > 0 ? sizeText(gained) : 'nothing'}`;
  if (blockedMs !== undefined)
    return `${gaveBack}; rewritten as a whole, which shut others out for ${blockedMs} ms`;
  if (tooLarge) return `${gaveBack}; ${sizeText(freeBytes)} in it are free for new devices`;
  return gaveBack;
}

/** The same for `--json`: `removed` lists the first of `targets`. */
export function pruneJson({
  dryRun,
  renewedBeforeMs,
  targets,
  expired,
  endpoints,
  topics,
  badFiles,
  history,
  database,
  refusal,
  isElsewhere,
}: PruneReport): string {
  const { beforeMs, ...bad } = badFiles;
  const object = {
    dryRun,
    removed: targets.listed.map(shown),
    targets: { count: targets.count, renewedBefore: timeText(renewedBeforeMs) },
    expired,
    ...(endpoints.count > 0 && { endpoints }),
    ...(topics && { unusedTopics: topics }),
    badFiles: { ...bad, before: timeText(beforeMs) },
    history,
    database,
    ...(isElsewhere && { elsewhere: true }),
    ...(refusal && { refused: refusalText(refusal) }),
  };
  return `${safeJson(object, 2)}\n`;
}
