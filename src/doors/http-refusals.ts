import type { Log } from '../process/log.ts';
import type { Answer } from './http-answer.ts';

/** A mail server whose URL is wrong sends a request for each mail. */
const QUIET_MS = 60_000;

/** Tells the log why a request was refused, each reason once a minute; gives the answer. `nowMs` never goes back. */
export function createRefusalLog(
  log: Pick<Log, 'warn'>,
  nowMs = () => performance.now(),
): <T extends Answer>(answer: T) => T {
  const toldMs = new Map<Answer, number>();
  return (answer) => {
    if (nowMs() - (toldMs.get(answer) ?? -Infinity) >= QUIET_MS) {
      toldMs.set(answer, nowMs());
      log.warn('HTTP: a request was refused', { status: answer.status, reason: answer.body });
    }
    return answer;
  };
}
