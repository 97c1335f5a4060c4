import type { Clock } from '../process/clock.ts';
import type { Store } from '../store/store.ts';
import {
  type Candidate,
  type PrecedenceRules,
  ruleOn,
  type Ruling,
  type Standing,
} from '../targets/precedence.ts';

/** Gives what became of the first candidates, one at least; the others have to be given again. */
export type Take = (candidates: readonly Candidate[]) => Promise<Ruling[]>;

/**
 * How long a transaction may take. A handler waits 0.9 s for the database (handle.ts), and looks at growing intervals
 * whether it is free.
 */
const TRANSACTION_MS = 25;

/** What a busy machine makes of it is no reason to wait longer. */
const MAX_PAUSE_MS = 2 * TRANSACTION_MS;

/**
 * Takes candidates into the store, as many in a transaction as the time allows, and then leaves it to others for as
 * long.
 */
export function takeInto(store: Store, rules: PrecedenceRules, clock: Clock): Take {
  const rule = (candidate: Candidate, standing: readonly Standing[]): Ruling =>
    ruleOnCandidate(candidate, standing, rules);
  return async (candidates) => {
    const { rulings, tookMs } = await store.importTargets(candidates, {
      rule,
      timeMs: TRANSACTION_MS,
      clock,
    });
    await clock.sleep(Math.min(tookMs, MAX_PAUSE_MS));
    return rulings;
  };
}

export function ruleOnCandidate(
  { target, registeredMs, renewedMs }: Candidate,
  standing: readonly Standing[],
  rules: PrecedenceRules,
): Ruling {
  const { deviceToken, accountId, subtopic, source } = target;
  return ruleOn({ deviceToken, accountId, subtopic, source, registeredMs, renewedMs }, standing, rules);
}
