import type { Outcome } from '../outbox/outcome.ts';
import type { Clock } from '../process/clock.ts';
import type { Config } from '../config/config.ts';
import type { Store } from '../store/store.ts';
import type { ClaimedPush } from '../outbox/attempt.ts';
import { openDelivery } from './delivery.ts';
import { ExitCode, OperatorError } from '../process/errors.ts';
import { type Log, prepare } from '../process/log.ts';
import { redactToken } from '../process/redact.ts';
import { reportError } from '../process/report.ts';
import { writeLine } from '../process/standard-error.ts';
import { releaseDeadLeases } from './lease.ts';
import { deliver, untilDeadline } from './loop.ts';
import { sentence } from './tell.ts';

export interface ForegroundOptions {
  config: Config;
  store: Store;
  clock: Clock;
  log: Log;
  /** The targets whose pushes are waited for; what else is due goes along. */
  targetIds: readonly number[];
}

interface Ended {
  push: ClaimedPush;
  outcome: Outcome;
}

/**
 * Delivers in this process until nothing waits for the given targets or `delivery.deadline` has passed, and shows
 * how each push ended. Gives 0, or 69 or 75 where a push still waits.
 */
export async function deliverNow(options: ForegroundOptions): Promise<ExitCode> {
  const { config, store, clock, log, targetIds } = options;
  const endings = new Map<number, Ended>();
  const delivery = openDelivery(options, {
    onSettled: (push, outcome) => endings.set(push.targetId, { push, outcome }),
  });
  try {
    await releaseDeadLeases(store);
    setImmediate(() => prepare(log)); // while the connection is made
    const isDone = async (): Promise<boolean> => (await store.stillWaiting(targetIds)).length === 0;
    await deliver(
      { store, courier: delivery.courier, clock },
      untilDeadline(clock, config.delivery.deadlineMs, isDone),
    );
  } finally {
    void delivery.close(); // nobody waits for Apple to hang up: the process ends
  }
  for (const id of targetIds) show(endings.get(id), options.log);
  return verdict(await store.stillWaiting(targetIds), endings, log);
}

function show(ending: Ended | undefined, { tell }: Log): void {
  if (ending === undefined) return;
  const { push, outcome } = ending;
  const what = `${push.event} for ${push.user}, device ${redactToken(push.deviceToken)}`;
  writeLine(`${what}: ${sentence(outcome)}`, tell);
}

function verdict(left: readonly number[], endings: ReadonlyMap<number, Ended>, log: Log): ExitCode {
  if (left.length === 0) return ExitCode.ok;
  const outcomes = left.map((id) => endings.get(id)?.outcome);
  const unreachable = outcomes.some((outcome) => outcome?.kind === 'retry' && outcome.scope === 'connection');
  const exitCode = unreachable ? ExitCode.unavailable : ExitCode.tryAgain;
  const reasons = [
    ...new Set(outcomes.map((outcome) => (outcome && 'reason' in outcome ? outcome.reason : 'not tried'))),
  ];
  reportError(
    new OperatorError(
      `${left.length} push${left.length === 1 ? ' still waits' : 'es still wait'}: ${reasons.join('; ')}`,
      {
        exitCode,
        hint: 'nothing is lost: the next event or `xapplepush flush` tries again',
      },
    ),
    log,
  );
  return exitCode;
}
