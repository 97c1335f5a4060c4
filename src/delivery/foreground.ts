import type { Outcome } from '../outbox/outcome.ts';
import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import type { Store } from '../store/store.ts';
import type { ClaimedPush } from '../outbox/attempt.ts';
import { openDelivery } from './delivery.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';
import { type Log, prepare, redactToken, reportError, writeLine } from '../process/log.ts';
import type { Courier } from './courier.ts';
import { releaseDeadLeases } from './lease.ts';
import { sentence } from './tell.ts';

export interface ForegroundOptions {
  config: Config;
  store: Store;
  clock: Clock;
  log: Log;
  /** The targets whose pushes are waited for; what else is due goes along. */
  targetIds: readonly number[];
}

/** How often it looks whether another process has sent a push that we wait for. */
const LOOK_INTERVAL_MS = 100;

interface Ending {
  push: ClaimedPush;
  outcome: Outcome;
}

/**
 * Delivers in this process until nothing is owed to the given targets or `delivery.deadline` has passed, and shows
 * how each push ended. Gives 0, or 69 or 75 where a push is still owed.
 */
export async function deliverNow(options: ForegroundOptions): Promise<ExitCode> {
  const { store, targetIds } = options;
  const endings = new Map<number, Ending>();
  const delivery = openDelivery(options, {
    onSettled: (push, outcome) => endings.set(push.targetId, { push, outcome }),
  });
  try {
    await releaseDeadLeases(store);
    setImmediate(() => prepare(options.log)); // while the connection is made
    await drainUntilDeadline(delivery.courier, options);
  } finally {
    void delivery.close(); // nobody waits for Apple to hang up: the process ends
  }
  for (const id of targetIds) show(endings.get(id));
  return verdict(await store.stillWaiting(targetIds), endings, options.log);
}

async function drainUntilDeadline(courier: Courier, options: ForegroundOptions): Promise<void> {
  const { store, clock, config, targetIds } = options;
  const deadlineMs = clock.steadyMs() + config.delivery.deadlineMs;
  for (;;) {
    await courier.drain(deadlineMs);
    const left = await store.stillWaiting(targetIds);
    const leftMs = deadlineMs - clock.steadyMs();
    if (left.length === 0 || leftMs <= 0) return;
    const nowMs = clock.nowMs();
    const { nextMs = nowMs } = await store.countDue();
    const dueInMs = Math.max(nextMs - nowMs, courier.restMs);
    await clock.sleep(Math.min(Math.max(dueInMs, 1), LOOK_INTERVAL_MS, leftMs));
  }
}

function show(ending: Ending | undefined): void {
  if (ending === undefined) return;
  const { push, outcome } = ending;
  writeLine(`${push.event} for ${push.user}, device ${redactToken(push.deviceToken)}: ${sentence(outcome)}`);
}

function verdict(left: readonly number[], endings: ReadonlyMap<number, Ending>, log: Log): ExitCode {
  if (left.length === 0) return ExitCode.ok;
  const outcomes = left.map((id) => endings.get(id)?.outcome);
  const unreachable = outcomes.some((outcome) => outcome?.kind === 'retry' && outcome.scope === 'connection');
  const exitCode = unreachable ? ExitCode.unavailable : ExitCode.tryAgain;
  const reasons = [
    ...new Set(outcomes.map((outcome) => (outcome && 'reason' in outcome ? outcome.reason : 'not tried'))),
  ];
  reportError(
    new OperatorError(
      `${left.length} push${left.length === 1 ? ' is' : 'es are'} still owed: ${reasons.join('; ')}`,
      {
        exitCode,
        hint: 'nothing is lost: the next event or `xapplepush flush` tries again',
      },
    ),
    log,
  );
  return exitCode;
}
