import { outcomeOf, outcomeOfNoAnswer } from '../apns/outcome.ts';
import { NoAnswer, type Push } from '../apns/push.ts';
import type { Outcome } from '../outbox/outcome.ts';
import type { Clock } from '../process/clock.ts';
import { messageOf } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import { ConnectionFailed } from './line.ts';
import type { ClaimedPush, Attempt } from '../outbox/attempt.ts';
import { pushOf } from './push-of.ts';
import { type Route, routeFor } from './route.ts';
import { tellRefused, tellTopicRefused } from './tell.ts';

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
  const { clock, expiryMs, log, random } = options;
  const mainTopic = routes[0]?.credential.topic ?? '';
  const push = pushOf(claimed, mainTopic, { nowMs: clock.nowMs(), expiryMs });
  const row = { ...claimed, apnsId: push.apnsId }; // the one that Apple knows, for whoever tells of the attempt
  const route = routeFor(routes, row.topic);
  if (route === undefined) return ended(row, TOPIC_NOT_COVERED);
  const refusal = await mayGo(route, push, clock);
  if (refusal !== undefined) return { ...ended(row, refusal), isHeld: true };
  const attempt = await sent(row, push, route, deadlineMs, options);
  const { outcome } = attempt;
  const news = route.gate(push.topic).leave(push.deviceToken, outcome, clock.steadyMs(), random());
  if (news === 'rests') tellTopicRefused(log, outcome, push.topic);
  return news === 'accepted' ? { ...attempt, acceptedTopic: push.topic } : attempt;
}

const TOPIC_NOT_COVERED: Outcome = { kind: 'misconfigured', reason: 'TopicNotCovered', scope: 'topic' };

/** How the push ends without being sent, since the route or the topic rests; undefined where it may go. */
async function mayGo(route: Route, { topic, deviceToken }: Push, clock: Clock): Promise<Outcome | undefined> {
  const gate = route.gate(topic);
  for (let hasWaited = false; ; hasWaited = true) {
    const refusal = route.refusal(clock);
    if (refusal !== undefined) {
      if (hasWaited) gate.stepAside();
      return refusal;
    }
    const entrance = gate.enter(deviceToken, clock.steadyMs());
    if (!(entrance instanceof Promise)) return entrance;
    await entrance;
  }
}

async function sent(
  row: ClaimedPush,
  push: Push,
  route: Route,
  deadlineMs: number,
  options: CarryOptions,
): Promise<Attempt> {
  const { clock, random, log } = options;
  const { fingerprint, topic } = route.credential;
  try {
    const timeoutMs = Math.max(1, Math.min(ANSWER_TIMEOUT_MS, deadlineMs - clock.steadyMs()));
    const outcome = outcomeOf(await route.line.push(push, timeoutMs));
    if (route.answered(outcome, clock, random)) tellRefused(log, outcome, topic);
    return ended(row, outcome, fingerprint);
  } catch (error) {
    return unanswered(row, route, error, options);
  }
}

function ended(push: ClaimedPush, outcome: Outcome, fingerprint?: string, unprocessed = false): Attempt {
  return { push, outcome, unprocessed, fingerprint };
}

/** Anything but NoAnswer is a bug of ours; it ends as a failed attempt too, so that the row is kept. */
function unanswered(
  row: ClaimedPush,
  route: Route,
  error: unknown,
  { clock, random, log }: CarryOptions,
): Attempt {
  const noAnswer =
    error instanceof NoAnswer
      ? error
      : new NoAnswer(messageOf(error), { perhapsProcessed: true, cause: error });
  const outcome = outcomeOfNoAnswer(noAnswer);
  const { fingerprint, topic } = route.credential;
  if (outcome.kind === 'misconfigured') {
    if (route.answered(outcome, clock, random)) tellRefused(log, outcome, topic);
    return ended(row, outcome, fingerprint);
  }
  if (error instanceof ConnectionFailed) route.failed(outcome, clock, random);
  const unprocessed = !noAnswer.perhapsProcessed && !(error instanceof ConnectionFailed);
  return ended(row, outcome, fingerprint, unprocessed);
}
