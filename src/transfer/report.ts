import { shortened } from '../events/fields.ts';
import { countOf, visible } from '../process/text.ts';
import type { RegistrationTopic } from '../intake/registration-topic.ts';
import type { Fault, Ruling } from '../targets/precedence.ts';
import type { Item } from './claim.ts';
import { type Format, PLACE_NAMES } from './formats.ts';
import { safeJson } from '../process/safe-json.ts';

export interface Skipped extends Fault {
  place: number;
  user?: string | undefined;
}

/** What became of the targets in a file. */
export interface ImportReport {
  taken: number;
  renewed: number;
  unchanged: number;
  skipped: number;
  /** Older targets in the database that made way. */
  removed: number;
  /** Mailboxes that the user may not hear of. */
  droppedMailboxes: number;
  /** How many were skipped for each reason. */
  reasons: Map<string, number>;
  firstSkipped: Skipped[];
}

/** So many are named one by one. */
const MAX_NAMED = 20;

export function emptyReport(): ImportReport {
  const counts = { taken: 0, renewed: 0, unchanged: 0, skipped: 0, removed: 0, droppedMailboxes: 0 };
  return { ...counts, reasons: new Map(), firstSkipped: [] };
}

/** Adds what became of one thing in the file. */
export function record(
  report: ImportReport,
  { place, user }: Pick<Item, 'place' | 'user'>,
  ruling: Ruling,
  droppedMailboxes: number,
): void {
  report[ruling.act] += 1;
  if (ruling.act === 'taken' || ruling.act === 'renewed') {
    report.removed += ruling.removed.length;
    report.droppedMailboxes += droppedMailboxes;
  }
  if (ruling.act !== 'skipped') return;
  const { reason } = ruling.fault;
  report.reasons.set(reason, (report.reasons.get(reason) ?? 0) + 1);
  if (report.firstSkipped.length >= MAX_NAMED) return;
  report.firstSkipped.push({ place, user: user && shortened(user), ...ruling.fault });
}

/** How the import was done. */
export interface ImportFacts {
  format: Format;
  dryRun: boolean;
  /** For targets that name none; undefined where the format always names one. */
  topic: { topic: string; from: RegistrationTopic['from'] | '--topic' } | undefined;
}

export function reportJson(report: ImportReport, { format, dryRun, topic }: ImportFacts): string {
  const { reasons, firstSkipped, ...counts } = report;
  const shown = {
    dryRun,
    format,
    ...counts,
    topic: topic ?? null,
    reasons: byNumber(reasons).map(([reason, count]) => ({ reason, count })),
    firstSkipped: firstSkipped.map(({ place, user, reason, detail }) => ({
      [PLACE_NAMES[format]]: place,
      user: user ?? null,
      reason,
      detail: detail ?? null,
    })),
  };
  return `${safeJson(shown, 2)}\n`;
}

export function reportText(report: ImportReport, facts: ImportFacts): string {
  const { taken, renewed, unchanged, skipped, removed, droppedMailboxes } = report;
  const words = facts.dryRun
    ? ['would take', 'renew', 'leave', 'skip']
    : ['taken', 'renewed', 'unchanged', 'skipped'];
  const lines = [
    [taken, renewed, unchanged, skipped].map((count, index) => `${words[index] ?? ''} ${count}`).join(', '),
    removed > 0 ? `${countOf(removed, 'older device')} of theirs removed` : '',
    droppedMailboxes > 0
      ? `${countOf(droppedMailboxes, 'mailbox', 'mailboxes')} left out: not of the user, or no valid name`
      : '',
    topicLine(facts.topic),
    ...skippedLines(report, PLACE_NAMES[facts.format]),
  ];
  return lines
    .filter((line) => line !== '')
    .map((line) => `${line}\n`)
    .join('');
}

function topicLine(topic: ImportFacts['topic']): string {
  if (topic === undefined) return '';
  if (topic.topic === '') return 'topic where none is named: none, as no credential is configured yet';
  return `topic where none is named: ${visible(topic.topic)}, from ${topic.from}`;
}

function skippedLines({ skipped, reasons, firstSkipped }: ImportReport, placeName: string): string[] {
  const named = firstSkipped.map(
    ({ place, user, reason, detail }) =>
      `  ${placeName} ${place}${user ? ` (${visible(user)})` : ''}: ${reason}${detail ? ` (${visible(detail)})` : ''}`,
  );
  if (skipped <= firstSkipped.length) return skipped > 0 ? ['skipped:', ...named] : [];
  const counts = byNumber(reasons).map(([reason, count]) => `  ${count} times: ${reason}`);
  return [`skipped, the first ${firstSkipped.length}:`, ...named, 'all that were skipped:', ...counts];
}

function byNumber(reasons: Map<string, number>): [reason: string, count: number][] {
  return [...reasons].sort(([, a], [, b]) => b - a);
}
