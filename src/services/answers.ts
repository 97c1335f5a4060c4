import type { PostResult } from './http-post.ts';
import type { ServiceOutcome } from './service.ts';

type Answered = Extract<PostResult, { status: number }>;

export function isSuccess({ status }: Answered): boolean {
  return status >= 200 && status < 300;
}

/** What it means that the service was not asked, or did not answer. */
export function unanswered(result: Exclude<PostResult, Answered>): ServiceOutcome {
  if ('forbidden' in result) return { kind: 'rejected', reason: result.forbidden };
  return { kind: 'retry', reason: result.noAnswer, isUnanswered: true };
}

/** It comes again, and not sooner than the service asks. */
export function again({ status, retryAfterMs }: Answered): ServiceOutcome {
  const afterMs = retryAfterMs === undefined ? {} : { afterMs: retryAfterMs };
  return { kind: 'retry', reason: answering(status), ...afterMs };
}

/** For the history and the log. */
export function answering(status: number): string {
  return `the service answers ${status}`;
}
