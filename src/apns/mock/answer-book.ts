import { readFileSync } from 'node:fs';
import { isMissing, messageOf } from '../../errors.ts';
import { parseAnswers, type AnswersByToken, type MockAnswer } from './answers.ts';

/** Which answer a push gets. */
export interface AnswerBook {
  /** Whether this very token has answers, so that a bad token can be given a mood too. */
  names(token: string): boolean;
  /** The next answer for a device token: its own, else that of `*`, else 200. */
  next(token: string): MockAnswer;
  /** From now on these, used in turn; the last one stays. None: the token has no answers of its own any more. */
  set(token: string, answers: readonly MockAnswer[]): void;
}

/**
 * Starts with `initial`. Whenever the content of `file` has changed since the last push, its answers take the
 * place of all others; without the file those of `initial` come back. A file that is no such thing changes nothing
 * and is told to `warn`: write it elsewhere and rename it.
 */
export function createAnswerBook(
  initial: AnswersByToken,
  file: string,
  warn: (message: string) => void,
): AnswerBook {
  let queues = queuesOf(initial);
  let seen: string | undefined;
  const refresh = (): void => {
    try {
      const text = contentOf(file);
      if (text === seen) return;
      seen = text;
      queues = queuesOf(text === undefined ? initial : { ...initial, ...parseAnswers(JSON.parse(text)) });
    } catch (error) {
      warn(`${file} is not used: ${messageOf(error)}`);
    }
  };
  refresh();
  return {
    names: (token) => {
      refresh();
      return queues.has(token.toLowerCase());
    },
    next: (token) => {
      refresh();
      const queue = queues.get(token.toLowerCase()) ?? queues.get('*') ?? [];
      return (queue.length > 1 ? queue.shift() : queue[0]) ?? '200';
    },
    set: (token, answers) => {
      if (answers.length === 0) queues.delete(token.toLowerCase());
      else queues.set(token.toLowerCase(), [...answers]);
    },
  };
}

function queuesOf(answers: AnswersByToken): Map<string, MockAnswer[]> {
  return new Map(Object.entries(answers).map(([token, list]) => [token.toLowerCase(), [...list]]));
}

function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
