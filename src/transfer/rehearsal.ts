import type { Store } from '../store/store.ts';
import type { Candidate, PrecedenceRules, Ruling, Standing } from '../targets/precedence.ts';
import { ruleOnCandidate, type Take } from './taking.ts';

/**
 * Says what would become of candidates and changes nothing. The users it has seen are kept in memory, as the
 * import would have left them; without a store there are none yet.
 */
export function rehearseOn(store: Store | undefined, rules: PrecedenceRules): Take {
  const users = new Map<string, Standing[]>();
  let nextId = -1; // the database counts from 1
  return async (candidates) => {
    const names = [...new Set(candidates.map(({ target }) => target.user))].filter(
      (user) => !users.has(user),
    );
    const found = await store?.standingOf(names);
    for (const [user, standing] of found ?? []) users.set(user, standing);
    return candidates.map((candidate) => {
      const { user } = candidate.target;
      const standing = users.get(user) ?? [];
      const ruling = ruleOnCandidate(candidate, standing, rules);
      users.set(user, afterwards(standing, candidate, ruling, nextId--));
      return ruling;
    });
  };
}

function afterwards(standing: Standing[], { target }: Candidate, ruling: Ruling, id: number): Standing[] {
  if (ruling.act !== 'taken' && ruling.act !== 'renewed') return standing;
  const { deviceToken, accountId, subtopic, source } = target;
  const { registeredMs, renewedMs, removed } = ruling;
  const others = standing.filter(
    (each) =>
      !removed.includes(each.id) && !(each.deviceToken === deviceToken && each.accountId === accountId),
  );
  return [...others, { id, deviceToken, accountId, subtopic, source, registeredMs, renewedMs }];
}
