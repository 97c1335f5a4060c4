import { FOREIGN_ANSWER, KNOWN_ANSWERS, NO_ANSWER, type KnownAnswer, type Ruling } from './answers.ts';
import type { Answer, NoAnswer, Outcome } from './push.ts';

/** What Apple's answer means for the push and its target. An unknown 4xx is a rejection, an unknown 5xx a retry. */
export function outcomeOf(answer: Answer): Outcome {
  return outcome(knownAnswer(answer).ruling, answer);
}

/** What it means that no answer came: try again on a new connection. */
export function outcomeOfNoAnswer(error: NoAnswer): Outcome {
  return outcome(NO_ANSWER, { reason: error.message });
}

/** The answer in one plain sentence, for a person. */
export function meaningOf(answer: Answer): string {
  return knownAnswer(answer).meaning;
}

function knownAnswer(answer: Answer): KnownAnswer {
  return KNOWN_ANSWERS.find((known) => isFor(known, answer)) ?? FOREIGN_ANSWER;
}

function isFor(known: KnownAnswer, { status, reason }: Answer): boolean {
  if (known.status !== status && known.status !== `${Math.floor(status / 100)}xx`) return false;
  if (known.reasons === 'any') return true;
  if (known.reasons === 'none') return reason === undefined;
  return reason !== undefined && known.reasons.includes(reason);
}

function outcome(ruling: Ruling, answer: Partial<Answer>): Outcome {
  if (ruling.kind === 'delivered') return ruling;
  const reason = answer.reason ?? `status ${answer.status}`;
  switch (ruling.kind) {
    case 'gone':
      return { kind: 'gone', reason, sinceMs: answer.timestampMs };
    case 'retry':
      return {
        ...ruling,
        reason,
        ...(answer.retryAfterMs !== undefined && { afterMs: answer.retryAfterMs }),
      };
    case 'rejected':
    case 'misconfigured':
      return { ...ruling, reason };
  }
}
