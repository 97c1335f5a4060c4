import {
  BAD_CREDENTIAL,
  FOREIGN_ANSWER,
  isListed,
  KNOWN_ANSWERS,
  NO_ANSWER,
  type KnownAnswer,
  type Ruling,
} from './answers.ts';
import type { Answer, NoAnswer } from './push.ts';
import type { Outcome } from '../outbox/outcome.ts';

/** What Apple's answer means for the push and its target. An unknown 4xx is a rejection, an unknown 5xx a retry. */
export function outcomeOf(answer: Answer): Outcome {
  return outcome(knownAnswer(answer).ruling, answer);
}

/**
 * What it means that no answer came: try again on a new connection; or that Apple refuses the credential, which it
 * also says by ending the connection with that reason.
 */
export function outcomeOfNoAnswer({ reason, message }: NoAnswer): Outcome {
  if (reason !== undefined && refusesCredential(reason)) return outcome(BAD_CREDENTIAL, { reason });
  return outcome(NO_ANSWER, { reason: message });
}

/** Whether Apple's reason, of an answer or of a GOAWAY, is that it does not accept the credential. */
export function refusesCredential(reason: string | undefined): boolean {
  return KNOWN_ANSWERS.some(
    ({ reasons, ruling }) =>
      ruling === BAD_CREDENTIAL && reason !== undefined && isListed(reasons) && reasons.includes(reason),
  );
}

/** The answer in one plain sentence, for a person. */
export function meaningOf(answer: Answer): string {
  return knownAnswer(answer).meaning;
}

/** Whether the reason is one that Apple is known to give. */
export function isKnownReason(reason: string): boolean {
  return KNOWN_ANSWERS.some(({ reasons }) => isListed(reasons) && reasons.includes(reason));
}

function knownAnswer(answer: Answer): KnownAnswer {
  if (answer.foreign === true) return FOREIGN_ANSWER;
  return KNOWN_ANSWERS.find((known) => isFor(known, answer)) ?? FOREIGN_ANSWER;
}

function isFor(known: KnownAnswer, { status, reason }: Answer): boolean {
  if (known.status !== status && known.status !== `${Math.floor(status / 100)}xx`) return false;
  if (known.reasons === 'any') return true;
  if (known.reasons === 'none') return reason === undefined;
  return reason !== undefined && known.reasons.includes(reason);
}

/** Behind the status, in the reason of an answer that somebody else gave. */
export const NOT_APPLES = ', not from Apple';

function outcome(ruling: Ruling, answer: Partial<Answer>): Outcome {
  if (ruling.kind === 'delivered') return ruling;
  const reason = answer.reason ?? `status ${answer.status}${answer.foreign === true ? NOT_APPLES : ''}`;
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
