import { readFileSync, type Stats, statSync } from 'node:fs';
import { isMissing, messageOf } from '../../process/errors.ts';
import { parseAnswers, type AnswersByToken, type MockAnswer } from './answers.ts';

/** Which answer a push gets. */
export interface AnswerBook {
  /** Whether this very token has answers, so that a bad token can be given a mood too. */
  names(token: string): boolean;
  /** The next answer for a device token: its own, else that of `*`, else 200. */
  next(token: string): MockAnswer;
  /** Sets the answers that are used in turn from now on; the last one stays. None: the token has none of its own. */
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
  const content = contentOf(file);
  let queues = queuesOf(initial);
  let seen: string | undefined;
  const refresh = (): void => {
    try {
      const text = content();
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

/** A file that was written so lately could be written again within one tick of its clock, and look the same. */
const SETTLED_MS = 2000;

/** Gives a function that gives the content of `file`, undefined where there is none; it is read when it may be new. */
function contentOf(file: string): () => string | undefined {
  let settled: { stat: Stats; text: string | undefined } | undefined;
  return () => {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    if (settled !== undefined && isSame(settled.stat, stat)) return settled.text;
    const isSettled = Date.now() - stat.ctimeMs >= SETTLED_MS; // asked before it is read
    const text = textOf(file);
    settled = isSettled ? { stat, text } : undefined;
    return text;
  };
}

/** Nobody can set the time of the latest change, unlike that of the latest write (inode(7)). */
function isSame(before: Stats, now: Stats): boolean {
  return before.ino === now.ino && before.ctimeMs === now.ctimeMs && before.size === now.size;
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
