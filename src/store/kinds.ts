import type { CollectionKind } from '../mailboxes/collection.ts';
import type { TargetCount } from './targets.ts';

/** In SQL: what does not run out is of Mail. */
export const OF_MAIL = 'expires_ms IS NULL';

/** The counts of each kind of collection, 0 of what no row tells. */
export function countsByKind(
  rows: readonly (TargetCount & { kind: CollectionKind })[],
): Record<CollectionKind, TargetCount> {
  const counts = { calendar: { targets: 0, users: 0 }, contacts: { targets: 0, users: 0 } };
  for (const { kind, targets, users } of rows) counts[kind] = { targets, users };
  return counts;
}
