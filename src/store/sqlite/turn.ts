import { OF_MAIL } from '../kinds.ts';
import type { BlamedTarget, SettlingFacts, SettlingQuestion } from '../../outbox/settling.ts';
import type { Turn, TurnResult } from '../delivery.ts';
import { claimIn } from './claim.ts';
import { countIn, recordIn } from './credentials.ts';
import { MAY_BE_LOST, type Sql, type Transactions } from './database.ts';
import { applyIn } from './settle.ts';
import { wakeIn, wakeTopicIn, wasAway } from './upkeep.ts';

export function takeTurn(database: Transactions, turn: Turn): Promise<TurnResult> {
  const { settled, wakes, limit, nowMs } = turn;
  const attempts = settled.map(({ attempt }) => attempt);
  return database.write((sql) => {
    const all = wakes !== undefined && (wakes.all ?? wasAway(sql, nowMs)); // before this success is written down
    applyIn(sql, settled, turn);
    countIn(sql, attempts, turn);
    const woken = wakes && { rows: wakeIn(sql, nowMs, { limit: wakes.limit, all }), all };
    for (const { acceptedTopic } of attempts)
      if (acceptedTopic !== undefined) wakeTopicIn(sql, nowMs, acceptedTopic);
    return { woken, pushes: limit > 0 ? claimIn(sql, turn) : [] };
  }, MAY_BE_LOST);
}

export function settlingFacts(
  database: Transactions,
  { server, fingerprints, targetIds, countTo }: SettlingQuestion,
): Promise<SettlingFacts> {
  return database.read((sql) => {
    const records = fingerprints.map((each) => [each, recordIn(sql, each, server)] as const);
    const gone = Math.max(0, ...records.map(([, record]) => record.gone));
    return {
      credentials: new Map(records),
      blamed: blamedIn(sql, targetIds),
      targets: countTo === undefined ? 0 : countTargetsIn(sql, countTo(gone)),
    };
  });
}

function countTargetsIn(sql: Sql, limit: number): number {
  return sql(`SELECT count(*) FROM (SELECT 1 FROM targets WHERE ${OF_MAIL} LIMIT ?)`)
    .pluck()
    .get(limit) as number;
}

function blamedIn(sql: Sql, targetIds: readonly number[]): Map<number, BlamedTarget> {
  const rows = sql(
    `SELECT id, renewed_ms AS renewedMs, failing_since_ms AS failingSinceMs FROM targets
     WHERE id IN (SELECT value FROM json_each(?))`,
  ).all(JSON.stringify(targetIds)) as (BlamedTarget & { id: number })[];
  return new Map(rows.map(({ id, ...target }) => [id, target]));
}
