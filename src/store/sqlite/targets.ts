import { OF_MAIL } from '../kinds.ts';
import type { Target, TargetFilter, TargetOrder, TopicUse } from '../../targets/record.ts';
import type { Subscription } from '../../targets/subscription.ts';
import type { TargetCount } from '../targets.ts';
import type { Transactions } from './database.ts';
import { condition, subscriptionsIn, targetOf, type TargetRow } from './target-rows.ts';

export function listTargets(database: Transactions, filter: TargetFilter): Promise<Target[]> {
  return database.read((sql) => {
    const rows = sql(
      `SELECT * FROM targets WHERE ${condition(filter)} ORDER BY user, renewed_ms DESC, id`,
    ).all(filter);
    return (rows as TargetRow[]).map(targetOf);
  });
}

/** With the unary +, sorting: to go by the index of users takes five times as long, a look-up for each row. */
const ORDER_BY: Readonly<Record<TargetOrder, string>> = {
  user: '+user, renewed_ms DESC, id',
  renewed: 'renewed_ms DESC, id',
  registered: 'registered_ms DESC, id',
  success: 'last_success_ms DESC, id',
  failures: 'failures DESC, id',
};

export function targetIds(
  database: Transactions,
  filter: TargetFilter,
  order: TargetOrder = 'user',
): Promise<number[]> {
  return database.read((sql) => {
    const rows = sql(`SELECT id FROM targets WHERE ${condition(filter)} ORDER BY ${ORDER_BY[order]}`);
    return rows.pluck().all(filter) as number[];
  });
}

export function targetsById(
  database: Transactions,
  ids: readonly number[],
  filter: TargetFilter = {},
): Promise<Target[]> {
  return database.read((sql) => {
    const rows = sql(
      `SELECT targets.* FROM json_each(@ids) AS wanted CROSS JOIN targets ON targets.id = wanted.value
       WHERE ${condition(filter)} ORDER BY wanted.key`,
    ).all({ ...filter, ids: JSON.stringify(ids) });
    return (rows as TargetRow[]).map(targetOf);
  });
}

export function subscriptionsOf(database: Transactions, targetId: number): Promise<Subscription[]> {
  return database.read((sql) => subscriptionsIn(sql, targetId));
}

export function countTargets(database: Transactions): Promise<TargetCount> {
  return database.read(
    (sql) =>
      sql(
        `SELECT count(*) AS targets, count(DISTINCT user) AS users FROM targets WHERE ${OF_MAIL}`,
      ).get() as TargetCount,
  );
}

export function lastRegistered(
  database: Transactions,
  untilMs: number,
  { ofMail = false } = {},
): Promise<number | undefined> {
  return database.read((sql) => {
    const kind = ofMail ? `AND ${OF_MAIL}` : '';
    const latest = `SELECT max(renewed_ms) AS renewedMs FROM targets WHERE renewed_ms <= ? ${kind}`;
    const { renewedMs } = sql(latest).get(untilMs) as { renewedMs: number | null };
    return renewedMs ?? undefined;
  });
}

export function removeTargets(
  database: Transactions,
  ids: readonly number[],
  filter: TargetFilter,
): Promise<Target[]> {
  const places = new Map(ids.map((id, place) => [id, place]));
  return database.write((sql) => {
    const remove = sql(
      `DELETE FROM targets WHERE id IN (SELECT value FROM json_each(@ids)) AND ${condition(filter)} RETURNING *`,
    );
    const rows = remove.all({ ...filter, ids: JSON.stringify(ids) }) as TargetRow[];
    return rows.sort((a, b) => (places.get(a.id) ?? 0) - (places.get(b.id) ?? 0)).map(targetOf);
  });
}

export function topicsInUse(database: Transactions): Promise<TopicUse[]> {
  return database.read(
    (sql) =>
      sql(
        `SELECT topic, count(*) AS count, max(renewed_ms) AS renewedMs FROM targets
         WHERE topic <> '' GROUP BY topic ORDER BY topic`,
      ).all() as TopicUse[],
  );
}
