import { OF_MAIL } from '../kinds.ts';
import type { Target, TargetFilter, TargetOrder, TopicUse } from '../../targets/record.ts';
import type { Subscription } from '../../targets/subscription.ts';
import type { TargetCount } from '../targets.ts';
import type { Database } from './database.ts';
import { COLUMNS, condition, subscriptionsIn, valuesOf } from './target-rows.ts';

export function listTargets(database: Database, filter: TargetFilter): Promise<Target[]> {
  return database.ask((sql) =>
    sql.rows(
      `SELECT ${COLUMNS} FROM xapplepush.targets WHERE ${condition(filter)} ORDER BY ${ORDER_BY.user}`,
      valuesOf(filter),
    ),
  );
}

const ORDER_BY: Readonly<Record<TargetOrder, string>> = {
  user: 'user_name, renewed_ms DESC, id',
  renewed: 'renewed_ms DESC, id',
  registered: 'registered_ms DESC, id',
  success: 'last_success_ms DESC NULLS LAST, id',
  failures: 'failures DESC, id',
};

export async function targetIds(
  database: Database,
  filter: TargetFilter,
  order: TargetOrder = 'user',
): Promise<number[]> {
  const rows = await database.ask((sql) =>
    sql.rows<{ id: number }>(
      `SELECT id FROM xapplepush.targets WHERE ${condition(filter)} ORDER BY ${ORDER_BY[order]}`,
      valuesOf(filter),
    ),
  );
  return rows.map(({ id }) => id);
}

export function targetsById(
  database: Database,
  ids: readonly number[],
  filter: TargetFilter = {},
): Promise<Target[]> {
  return database.ask((sql) =>
    sql.rows(
      `SELECT ${COLUMNS} FROM unnest(@ids::bigint[]) WITH ORDINALITY AS wanted (wanted_id, place)
       JOIN xapplepush.targets ON id = wanted_id WHERE ${condition(filter)} ORDER BY place`,
      { ...valuesOf(filter), ids },
    ),
  );
}

export async function subscriptionsOf(database: Database, targetId: number): Promise<Subscription[]> {
  const found = await database.ask((sql) => subscriptionsIn(sql, [targetId]));
  return found.get(targetId) ?? [];
}

export async function countTargets(database: Database): Promise<TargetCount> {
  const row = await database.ask((sql) =>
    sql.row<TargetCount>(
      `SELECT count(*) AS targets, count(DISTINCT user_name) AS users FROM xapplepush.targets
       WHERE ${OF_MAIL}`,
    ),
  );
  return row ?? { targets: 0, users: 0 };
}

export async function lastRegistered(
  database: Database,
  untilMs: number,
  { ofMail = false } = {},
): Promise<number | undefined> {
  const row = await database.ask((sql) =>
    sql.row<{ renewedMs: number | null }>(
      `SELECT max(renewed_ms) AS "renewedMs" FROM xapplepush.targets
       WHERE renewed_ms <= @untilMs ${ofMail ? `AND ${OF_MAIL}` : ''}`,
      { untilMs },
    ),
  );
  return row?.renewedMs ?? undefined;
}

export async function removeTargets(
  database: Database,
  ids: readonly number[],
  filter: TargetFilter,
): Promise<Target[]> {
  const places = new Map(ids.map((id, place) => [id, place]));
  const rows = await database.ask((sql) =>
    sql.rows<Target>(
      `DELETE FROM xapplepush.targets WHERE id = ANY(@ids::bigint[]) AND ${condition(filter)} RETURNING ${COLUMNS}`,
      { ...valuesOf(filter), ids },
    ),
  );
  return rows.sort((a, b) => (places.get(a.id) ?? 0) - (places.get(b.id) ?? 0));
}

export function topicsInUse(database: Database): Promise<TopicUse[]> {
  return database.ask((sql) =>
    sql.rows(
      `SELECT topic, count(*) AS count, max(renewed_ms) AS "renewedMs" FROM xapplepush.targets
       WHERE topic <> '' GROUP BY topic ORDER BY topic`,
    ),
  );
}
