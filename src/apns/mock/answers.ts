import { ExitCode, OperatorError } from '../../process/errors.ts';
import type { Answer } from '../push.ts';

const MOODS = ['silent', 'reset', 'goaway', 'disconnect'] as const;

/**
 * Never answers; RST_STREAM; GOAWAY that leaves this stream out; cuts the connection. `goaway/REASON` is how Apple
 * refuses a certificate: a GOAWAY with that reason, which leaves the stream in and unanswered.
 */
export type Mood = (typeof MOODS)[number] | `goaway/${string}`;

/**
 * An answer as text: a mood, or STATUS[/REASON][@TIMESTAMP][+SECONDS], where TIMESTAMP is that of a 410 in
 * milliseconds and SECONDS go into Retry-After. REASON is by default what Apple says with such a status. `html/STATUS`
 * is what a proxy or a portal says: a page, without an apns-id.
 * Examples: `200`, `410/Unregistered@1700000000000`, `429/TooManyRequests+30`, `silent`.
 */
export type AnswerText = Mood | `html/${number}` | `${number}` | `${number}${'/' | '@' | '+'}${string}`;

/** How the stand-in answers a push. */
export type MockAnswer = AnswerText | Answer;

/** Answers by device token (lower case) or `*`, which holds for every other token. */
export type AnswersByToken = Readonly<Record<string, readonly MockAnswer[]>>;

const ANSWER = /^([2-5]\d\d)(?:\/([A-Za-z]+))?(?:@(\d{1,15}))?(?:\+(\d{1,6}))?$/;

const REFUSAL = /^goaway\/[A-Za-z]+$/;
const PAGE = /^html\/([2-5]\d\d)$/;

const USUAL_REASONS: Readonly<Record<number, string>> = {
  403: 'Forbidden',
  404: 'BadPath',
  405: 'MethodNotAllowed',
  410: 'Unregistered',
  413: 'PayloadTooLarge',
  429: 'TooManyRequests',
  500: 'InternalServerError',
  503: 'ServiceUnavailable',
};

const HINT =
  'write TOKEN=ANSWER with a hex token or *, and as answer silent, reset, goaway[/REASON], disconnect, html/STATUS ' +
  'or STATUS[/REASON][@MILLISECONDS][+RETRY_AFTER_SECONDS], such as *=503/ServiceUnavailable';

/** Reads `TOKEN=ANSWER` of the command line. Throws OperatorError, exit 64. */
export function parseAnswer(text: string): { token: string; answer: AnswerText } {
  const [, token = '', answer = ''] = /^([^=]*)=(.*)$/.exec(text) ?? [];
  if (!isToken(token) || !isAnswerText(answer)) throw usageError(`'${text}' is no answer for a token`);
  return { token: token.toLowerCase(), answer };
}

/** Reads the content of answers.json: `{"*": ["silent"], "<token>": ["500", "500", "200"]}`. Throws as parseAnswer. */
export function parseAnswers(value: unknown): AnswersByToken {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw usageError('answers are a JSON object: token to list of answers');
  }
  const entries = Object.entries(value).map(([token, answers]: [string, unknown]) => {
    const isList = Array.isArray(answers) && answers.length > 0 && answers.every(isAnswerText);
    if (!isToken(token) || !isList) throw usageError(`'${token}' has no list of answers`);
    return [token.toLowerCase(), answers] as const;
  });
  return Object.fromEntries(entries);
}

/** What an answer stands for. Throws as parseAnswer. */
export function replyOf(answer: MockAnswer): Mood | Answer {
  if (typeof answer === 'object') return answer;
  if (isMood(answer)) return answer;
  const page = PAGE.exec(answer)?.[1];
  if (page !== undefined) return { status: Number(page), foreign: true };
  return answerOf(answer);
}

function answerOf(text: string): Answer {
  const [, statusText, reason, timestamp, retryAfterS] = ANSWER.exec(text) ?? [];
  if (statusText === undefined) throw usageError(`'${text}' is no answer`);
  const status = Number(statusText);
  const said = reason ?? USUAL_REASONS[status];
  return {
    status,
    ...(said !== undefined && { reason: said }),
    ...(timestamp !== undefined && { timestampMs: Number(timestamp) }),
    ...(retryAfterS !== undefined && { retryAfterMs: Number(retryAfterS) * 1000 }),
  };
}

function isToken(token: string): boolean {
  return token === '*' || /^[0-9a-f]+$/i.test(token);
}

function isAnswerText(text: unknown): text is AnswerText {
  return typeof text === 'string' && (isMood(text) || PAGE.test(text) || ANSWER.test(text));
}

function isMood(text: string): text is Mood {
  return MOODS.some((mood) => mood === text) || REFUSAL.test(text);
}

function usageError(message: string): OperatorError {
  return new OperatorError(message, { exitCode: ExitCode.usage, hint: HINT });
}
