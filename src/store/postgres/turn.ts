import { OF_MAIL } from '../kinds.ts';
import type { BlamedTarget, SettlingFacts, SettlingQuestion } from '../../outbox/settling.ts';
import type { Turn, TurnResult } from '../delivery.ts';
import { claimIn } from './claim.ts';
import { countIn, recordsIn } from './credentials.ts';
import { type Database, MAY_BE_LOST, type Sql } from './database.ts';
import { applyIn } from './settle.ts';
import { wakeIn, wakeTopicIn, wasAway } from './upkeep.ts';

export function takeTurn(database: Database, turn: Turn): Promise<TurnResult> {
  const { settled, wakes, limit, nowMs } = turn;
  const attempts = settled.map(({ attempt }) => attempt);
  let runs = 0;
  return database.transact(async (sql) => {
    runs += 1;
    if (runs > 1) await giveBackIn(sql, turn);
    // Before this success is written down.
    const all = wakes !== undefined && (wakes.all ?? (await wasAway(sql, nowMs)));
    await applyIn(sql, settled, turn);
    await countIn(sql, attempts, turn);
    const woken = wakes && { rows: await wakeIn(sql, nowMs, { limit: wakes.limit, all }), all };
    for (const { acceptedTopic } of attempts)
      if (acceptedTopic !== undefined) await wakeTopicIn(sql, nowMs, acceptedTopic);
    return { woken, pushes: limit > 0 ? await claimIn(sql, turn) : [] };
  }, MAY_BE_LOST);
}

/** What a run has leased whose commit was not heard: nobody has sent it. */
async function giveBackIn(sql: Sql, { owner, leaseUntilMs }: Turn): Promise<void> {
  await sql.change(
    `UPDATE xapplepush.outbox SET attempts = attempts - 1, lease_owner = NULL, lease_until_ms = NULL
     WHERE lease_owner = @owner AND lease_until_ms = @leaseUntilMs`,
    { owner, leaseUntilMs },
  );
}

export function settlingFacts(
  database: Database,
  { server, fingerprints, targetIds, countTo }: SettlingQuestion,
): Promise<SettlingFacts> {
  return database.ask(async (sql) => {
    const credentials = await recordsIn(sql, fingerprints, server);
    const gone = Math.max(0, ...[...credentials.values()].map((record) => record.gone));
    return {
      credentials,
      blamed: await blamedIn(sql, targetIds),
      targets: countTo === undefined ? 0 : await countTargetsIn(sql, countTo(gone)),
    };
  });
}

async function countTargetsIn(sql: Sql, limit: number): Promise<number> {
  const row = await sql.row<{ targets: number }>(
    `SELECT count(*) AS targets
     FROM (SELECT 1 FROM xapplepush.targets WHERE ${OF_MAIL} LIMIT @limit) AS piece`,
    { limit },
  );
  return row?.targets ?? 0;
}

async function blamedIn(sql: Sql, targetIds: readonly number[]): Promise<Map<number, BlamedTarget>> {
  const rows = await sql.rows<BlamedTarget & { id: number }>(
    `SELECT id, renewed_ms AS "renewedMs", failing_since_ms AS "failingSinceMs" FROM xapplepush.targets
     WHERE id = ANY(@targetIds::bigint[])`,
    { targetIds },
  );
  return new Map(rows.map(({ id, ...target }) => [id, target]));
}
