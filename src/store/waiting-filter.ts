import type { WaitingFilter } from '../outbox/waiting.ts';
import type { TargetFilter } from '../targets/record.ts';

/** Conditions on the row itself. */
const OF_ROW = { heldBy: 'held_by = @heldBy', enqueuedUntilMs: 'enqueued_ms <= @enqueuedUntilMs' } as const;

/**
 * In SQL: only the conditions that are asked for, so that the database can use its indexes. `ids` gives the engine's
 * statement that finds the targets of a filter.
 */
export function matching(filter: WaitingFilter, ids: (ofTarget: TargetFilter) => string): string {
  const { user, userPattern, tokenPrefix, accountId } = filter;
  const ofTarget = { user, userPattern, tokenPrefix, accountId };
  const isOfTarget = Object.values(ofTarget).some((value) => value !== undefined);
  const conditions = [
    ...(Object.keys(OF_ROW) as (keyof typeof OF_ROW)[]).flatMap((key) =>
      filter[key] === undefined ? [] : OF_ROW[key],
    ),
    ...(isOfTarget ? [`target_id IN (${ids(ofTarget)})`] : []),
  ];
  return conditions.length === 0 ? 'TRUE' : conditions.join(' AND ');
}
