import { outcomeOf, outcomeOfNoAnswer } from '../apns/outcome.ts';
import { NoAnswer, type Outcome } from '../apns/push.ts';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { NotConnected } from './line.ts';
import type { ClaimedPush } from './outbox.ts';
import { pushOf } from './push-of.ts';
import { type Route, routeFor } from './route.ts';
import type { Attempt } from './settle.ts';
import { tellRefused } from './tell.ts';

/** An answer that takes longer is none; Apple answers within a second. */
export const ANSWER_TIMEOUT_MS = 10_000;

export interface CarryOptions {
  expiryMs: number;
  clock: Clock;
  /** In [0, 1). */
  random: () => number;
  log: Log;
}

/** Sends one push over the route of its topic, and waits no longer than `deadlineMs`, by the steady clock. Never rejects. */
export async function carry(
  claimed: ClaimedPush,
  routes: readonly Route[],
  deadlineMs: number,
  options: CarryOptions,
): Promise<Attempt> {
  const { clock, expiryMs, log } = options;
  const mainTopic = routes[0]?.credential.topic ?? '';
  const push = pushOf(claimed, mainTopic, Math.floor((clock.nowMs() + expiryMs) / 1000));
  const row = { ...claimed, apnsId: push.apnsId }; // the one that Apple knows, for whoever tells of the attempt
  const route = routeFor(routes, row.topic);
  if (route === undefined) return ended(row, TOPIC_NOT_COVERED);
  const refusal = route.refusal(clock);
  if (refusal !== undefined) return ended(row, refusal);
  const { fingerprint, topic } = route.credential;
  try {
    const timeoutMs = Math.max(1, Math.min(ANSWER_TIMEOUT_MS, deadlineMs - clock.steadyMs()));
    const outcome = outcomeOf(await route.line.push(push, timeoutMs));
    if (route.answered(outcome, clock)) tellRefused(log, outcome, topic);
    return ended(row, outcome, fingerprint);
  } catch (error) {
    return unanswered(row, route, error, options);
  }
}

const TOPIC_NOT_COVERED: Outcome = { kind: 'misconfigured', reason: 'TopicNotCovered', scope: 'topic' };

function ended(push: ClaimedPush, outcome: Outcome, fingerprint?: string, unprocessed = false): Attempt {
  return { push, outcome, unprocessed, fingerprint };
}

/** Anything but NoAnswer is a bug of ours; it ends as a failed attempt too, so that the row is kept. */
function unanswered(
  row: ClaimedPush,
  route: Route,
  error: unknown,
  { clock, random }: CarryOptions,
): Attempt {
  const noAnswer =
    error instanceof NoAnswer
      ? error
      : new NoAnswer(messageOf(error), { perhapsProcessed: true, cause: error });
  const outcome = outcomeOfNoAnswer(noAnswer);
  if (error instanceof NotConnected) route.failed(outcome, clock, random);
  const unprocessed = !noAnswer.perhapsProcessed && !(error instanceof NotConnected);
  return ended(row, outcome, route.credential.fingerprint, unprocessed);
}
