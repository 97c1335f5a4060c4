import type { Clock } from '../../clock.ts';
import type { Sql, Store } from '../../db.ts';
import { replaceSubscriptions } from '../store.ts';
import type { Candidate, History } from './admission.ts';
import { type PrecedenceRules, ruleOn, type Ruling, type Standing } from './precedence.ts';

/** Gives what became of the first candidates, one at least; the others have to be given again. */
export type Take = (candidates: readonly Candidate[]) => Promise<Ruling[]>;

/**
 * How long a transaction may take. A handler waits 0.9 s for the database (handle.ts), and looks at growing intervals
 * whether it is free.
 */
const TRANSACTION_MS = 25;

/** What a slow disk takes for a commit is no reason to wait longer. */
const MAX_PAUSE_MS = 2 * TRANSACTION_MS;

/**
 * Takes candidates into the database, as many in a transaction as the time allows, and then leaves it to others for
 * as long.
 */
export function takeInto(store: Store, rules: PrecedenceRules, clock: Clock): Take {
  return async (candidates) => {
    let startMs = clock.steadyMs();
    const rulings = await store.write((sql) => {
      startMs = clock.steadyMs(); // others had it until now
      const made: Ruling[] = [];
      for (const candidate of candidates) {
        made.push(takeOne(sql, candidate, rules));
        if (clock.steadyMs() - startMs >= TRANSACTION_MS) break;
      }
      return made;
    });
    await clock.sleep(Math.min(clock.steadyMs() - startMs, MAX_PAUSE_MS));
    return rulings;
  };
}

/** The targets of a user, as far as they decide. */
export function standingOf(sql: Sql, user: string): Standing[] {
  return sql(
    `SELECT id, device_token AS deviceToken, account_id AS accountId, subtopic, source, registered_ms AS registeredMs,
       renewed_ms AS renewedMs FROM targets WHERE user = ?`,
  ).all(user) as Standing[];
}

export function ruleOnCandidate(
  { target, registeredMs, renewedMs }: Candidate,
  standing: readonly Standing[],
  rules: PrecedenceRules,
): Ruling {
  const { deviceToken, accountId, subtopic, source } = target;
  return ruleOn({ deviceToken, accountId, subtopic, source, registeredMs, renewedMs }, standing, rules);
}

function takeOne(sql: Sql, candidate: Candidate, rules: PrecedenceRules): Ruling {
  const ruling = ruleOnCandidate(candidate, standingOf(sql, candidate.target.user), rules);
  if (ruling.act === 'taken' || ruling.act === 'renewed') {
    for (const id of ruling.removed) sql('DELETE FROM targets WHERE id = ?').run(id);
    replaceSubscriptions(sql, upsert(sql, candidate, ruling), candidate.target.subscriptions);
  }
  return ruling;
}

const NO_HISTORY: History = {
  lastPushMs: null,
  lastSuccessMs: null,
  lastError: null,
  lastErrorMs: null,
  failures: 0,
  failingSinceMs: null,
  disabledMs: null,
};

/** Where the file keeps no history, what is known of the target's pushes stays; as a registration it begins anew. */
function upsert(
  sql: Sql,
  { target, history }: Candidate,
  { registeredMs, renewedMs }: { registeredMs: number; renewedMs: number },
): number {
  const row = sql(
    `INSERT INTO targets (user, device_token, account_id, subtopic, aps_version, topic, source, registered_ms,
       renewed_ms, last_push_ms, last_success_ms, last_error, last_error_ms, failures, failing_since_ms, disabled_ms)
     VALUES (@user, @deviceToken, @accountId, @subtopic, @apsVersion, @topic, @source, @registeredMs,
       @renewedMs, @lastPushMs, @lastSuccessMs, @lastError, @lastErrorMs, @failures, @failingSinceMs, @disabledMs)
     ON CONFLICT (user, device_token, account_id) DO UPDATE SET
       subtopic = excluded.subtopic, aps_version = excluded.aps_version, topic = excluded.topic,
       source = excluded.source, registered_ms = excluded.registered_ms, renewed_ms = excluded.renewed_ms,
       last_push_ms = iif(@hasHistory, excluded.last_push_ms, last_push_ms),
       last_success_ms = iif(@hasHistory, excluded.last_success_ms, last_success_ms),
       last_error = iif(@hasHistory, excluded.last_error, last_error),
       last_error_ms = iif(@hasHistory, excluded.last_error_ms, last_error_ms),
       failures = excluded.failures, failing_since_ms = excluded.failing_since_ms,
       disabled_ms = excluded.disabled_ms
     RETURNING id`,
  ).get({
    ...(history ?? NO_HISTORY),
    ...target,
    subscriptions: null,
    registeredMs,
    renewedMs,
    hasHistory: history === undefined ? 0 : 1,
  }) as { id: number };
  return row.id;
}
