import type { Clock } from '../../process/clock.ts';
import type { Store } from '../../store/store.ts';
import type { Candidate, Ruling, Standing } from '../../targets/precedence.ts';
import type { WholeTarget } from '../../targets/record.ts';
import { exportedTargets } from '../export.ts';

/** The other store may be in use: it is not held for longer than this at once. */
const TRANSACTION_MS = 25;

/** Takes every device as it is; where the other store knows it as newly registered, that stays. */
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

function rule({ target, registeredMs = 0, renewedMs = 0 }: Candidate, standing: readonly Standing[]): Ruling {
  const same = standing.find(
    ({ deviceToken, accountId }) => deviceToken === target.deviceToken && accountId === target.accountId,
  );
  if (same === undefined) return { act: 'taken', registeredMs, renewedMs, removed: [] };
  if (same.renewedMs >= renewedMs) return { act: 'unchanged' };
  return { act: 'renewed', registeredMs, renewedMs, removed: [] };
}
