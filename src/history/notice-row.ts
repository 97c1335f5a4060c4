import { spanText } from '../process/text.ts';
import type { NoticeEntry } from './entry.ts';

/** What a push service said of a notice, and what became of it. */
export function noticeText(entry: NoticeEntry): string {
  const attempt = entry.attempt > 1 ? `, attempt ${entry.attempt}` : '';
  return `${answerText(entry)}${attempt}${endText(entry)}`;
}

function answerText({ outcome, tookMs, reason = '' }: NoticeEntry): string {
  switch (outcome) {
    case 'delivered':
      return `the service took the notice, ${(tookMs / 1000).toFixed(1)} s after the event`;
    case 'gone':
      return `there is no such endpoint any more: ${reason}`;
    case 'rejected':
      return `the service refused the notice: ${reason}`;
    case 'misconfigured':
      return `our set-up is wrong: ${reason}`;
    case 'retry':
      return `not delivered: ${reason}`;
  }
}

function endText({ then, atMs, nextMs = atMs }: NoticeEntry): string {
  switch (then) {
    case 'done':
      return '';
    case 'waits':
      return `; the next attempt is within ${spanText(nextMs - atMs)}`;
    case 'given up':
      return '; the notice is given up';
    case 'endpoint removed':
      return '; the endpoint is removed';
  }
}
