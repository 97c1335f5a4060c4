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
  return async (candidates) => {
    const { rulings, tookMs } = await store.importTargets(candidates, {
      rule: (candidate, standing) => rule(candidate, standing, rules),
      timeMs: TRANSACTION_MS,
      clock,
    });
    await clock.sleep(Math.min(tookMs, MAX_PAUSE_MS));
    return rulings;
  };
}

/** Above every number in the database: of two targets that are equally old, the later one has the higher. */
const FIRST_ID = 2 ** 52;

/**
 * Says what would become of candidates and changes nothing. The users it has seen are kept in memory, as the
 * import would have left them; without a store there are none yet.
 */
export function rehearseOn(store: Store | undefined, rules: PrecedenceRules): Take {
  const users = new Map<string, Standing[]>();
  let nextId = FIRST_ID;
  return async (candidates) => {
    const names = [...new Set(candidates.map(({ target }) => target.user))].filter(
      (user) => !users.has(user),
    );
    const found = await store?.standingOf(names);
    for (const [user, standing] of found ?? []) users.set(user, standing);
    return candidates.map((candidate) => {
      const { target } = candidate;
      const standing = users.get(target.user) ?? [];
      const ruling = rule(candidate, standing, rules);
      users.set(target.user, afterwards(standing, candidate, ruling, nextId++));
      return ruling;
    });
  };
}

function afterwards(
  standing: readonly Standing[],
  { target }: Candidate,
  ruling: Ruling,
  newId: number,
): Standing[] {
  if (ruling.act !== 'taken' && ruling.act !== 'renewed') return [...standing];
  const { deviceToken, accountId, subtopic, source } = target;
  const { registeredMs, renewedMs, removed } = ruling;
  const same = standing.find((each) => each.deviceToken === deviceToken && each.accountId === accountId);
  const others = standing.filter((each) => each !== same && !removed.includes(each.id));
  const id = same?.id ?? newId;
  return [...others, { id, deviceToken, accountId, subtopic, source, registeredMs, renewedMs }];
}

function rule(
  { target, registeredMs, renewedMs }: Candidate,
  standing: readonly Standing[],
  rules: PrecedenceRules,
): Ruling {
  return ruleOn({ ...target, registeredMs, renewedMs }, standing, rules);
}
