import type { Clock } from '../../process/clock.ts';
import type { Store } from '../../store/store.ts';
import {
  type Candidate,
  type PrecedenceRules,
  type Ruling,
  ruleOn,
  type Standing,
} from '../../targets/precedence.ts';
import type { WholeTarget } from '../../targets/record.ts';
import { exportedTargets } from '../export.ts';

/** The other store may be in use: it is not held for longer than this at once. */
const TRANSACTION_MS = 25;

/**
 * Takes every device as it is; where the other store knows it as newly registered, that stays. One that was removed there
 * since an earlier attempt comes again: why it is not there nobody can tell.
 */
export async function takeDevices(
  source: Store,
  target: Store,
  clock: Clock,
  shown: (done: number) => void,
): Promise<void> {
  let done = 0;
  for await (const page of exportedTargets(source)) {
    let rest = page.map(candidateOf);
    while (rest.length > 0) {
      const { rulings } = await target.importTargets(rest, { rule, timeMs: TRANSACTION_MS, clock });
      rest = rest.slice(rulings.length);
      shown((done += rulings.length));
    }
  }
}

function candidateOf({ registeredMs, renewedMs, ...whole }: WholeTarget): Candidate {
  const {
    lastPushMs,
    lastSuccessMs,
    lastError,
    lastErrorMs,
    failures,
    failingSinceMs,
    disabledMs,
    ...target
  } = whole;
  const history = { lastPushMs, lastSuccessMs, lastError, lastErrorMs, failures, failingSinceMs, disabledMs };
  return { target, registeredMs, renewedMs, history };
}

/** All of them come, however many a user has; a device has one account id at a time, as at registrations. */
const RULES: PrecedenceRules = { maxPerUser: Infinity, latestMs: Infinity };

function rule({ target, registeredMs, renewedMs }: Candidate, standing: readonly Standing[]): Ruling {
  return ruleOn({ ...target, registeredMs, renewedMs }, standing, RULES);
}
