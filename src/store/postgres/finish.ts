import type { ClaimedPush } from '../../outbox/attempt.ts';
import type { Turn } from '../delivery.ts';
import type { Sql } from './database.ts';

export type FinishContext = Pick<Turn, 'owner' | 'nowMs' | 'newApnsId' | 'throttleMs'>;

/**
 * Ends the rows of pushes that are over, each of another target. Nearly always that is one statement: the push told all
 * that waited. A row that another process has taken over is left to it.
 */
export async function finish(
  sql: Sql,
  pushes: readonly ClaimedPush[],
  context: FinishContext,
): Promise<void> {
  const rows = await sql.rows<{ id: number }>(REMOVE, {
    ids: pushes.map(({ targetId }) => targetId),
    generations: pushes.map(({ generation }) => generation),
    counts: pushes.map(({ mailboxes }) => mailboxes.length),
    owner: context.owner,
  });
  const left = new Set(rows.map(({ id }) => id));
  if (left.size > 0)
    await keepRest(
      sql,
      pushes.filter(({ targetId }) => left.has(targetId)),
      context,
    );
}

/** Gives those of its rows that are left. Rows are locked by their ids, as those are that events join. */
const REMOVE = `
  WITH leased AS MATERIALIZED (
    SELECT target_id FROM xapplepush.outbox WHERE target_id = ANY(@ids::bigint[]) AND lease_owner = @owner
    ORDER BY target_id FOR UPDATE),
  removed AS (
    DELETE FROM xapplepush.outbox o
    USING leased l JOIN unnest(@ids::bigint[], @generations::bigint[], @counts::bigint[])
      AS g (target_id, generation, mailboxes) USING (target_id)
    WHERE o.target_id = l.target_id AND o.generation = g.generation
      AND (SELECT count(*) FROM xapplepush.outbox_mailboxes m WHERE m.target_id = o.target_id) = g.mailboxes
    RETURNING o.target_id)
  SELECT target_id AS id FROM leased EXCEPT SELECT target_id FROM removed`;

/** What joined while the push was under way is a push of its own. */
async function keepRest(sql: Sql, pushes: readonly ClaimedPush[], context: FinishContext): Promise<void> {
  const told = pushes.flatMap(({ targetId, generation, mailboxes }) =>
    mailboxes.map(({ owner, path }) => ({ targetId, generation, owner, path })),
  );
  await sql.change(
    `DELETE FROM xapplepush.outbox_mailboxes m
     USING unnest(@ids::bigint[], @owners::text[], @paths::text[], @generations::bigint[])
       AS g (target_id, owner, path, generation)
     WHERE m.target_id = g.target_id AND m.owner = g.owner AND m.path = g.path AND m.generation <= g.generation`,
    {
      ids: told.map(({ targetId }) => targetId),
      owners: told.map(({ owner }) => owner),
      paths: told.map(({ path }) => path),
      generations: told.map(({ generation }) => generation),
    },
  );
  const ids = pushes.map(({ targetId }) => targetId);
  await sql.change(
    `DELETE FROM xapplepush.outbox o WHERE o.target_id = ANY(@ids::bigint[])
       AND NOT EXISTS (SELECT 1 FROM xapplepush.outbox_mailboxes m WHERE m.target_id = o.target_id)`,
    { ids },
  );
  await sql.change(
    `UPDATE xapplepush.outbox o SET apns_id = g.apns_id, attempts = 0, enqueued_ms = event_ms, due_ms = @dueMs,
       held_by = NULL, last_reason = NULL, lease_owner = NULL, lease_until_ms = NULL
     FROM unnest(@ids::bigint[], @apnsIds::text[]) AS g (id, apns_id) WHERE o.target_id = g.id`,
    { ids, apnsIds: ids.map(() => context.newApnsId()), dueMs: context.nowMs + context.throttleMs },
  );
}
