import { safeJson } from '../process/safe-json.ts';

/** What is answered to a request. */
export interface Answer {
  status: number;
  body: string;
  headers: Record<string, string>;
}

/** When a client that could not be served shall ask again: the database is rarely busy for longer. */
const RETRY_AFTER_S = 2;

/** Text for a person or a plugin, exactly as it is given. */
export function text(status: number, body: string, headers: Record<string, string> = {}): Answer {
  return { status, body, headers: { 'Content-Type': 'text/plain; charset=utf-8', ...headers } };
}

export function json(status: number, value: unknown): Answer {
  return { status, body: `${safeJson(value)}\n`, headers: { 'Content-Type': 'application/json' } };
}

export const NO_CONTENT: Answer = { status: 204, body: '', headers: {} };

export const NOT_FOUND = text(404, 'there is nothing here\n');

export const UNAUTHORIZED = text(401, 'expected user and password\n', {
  'WWW-Authenticate': 'Basic realm="xapplepush", charset="UTF-8"', // RFC 7617, 2
});

/** What is left of the body would be taken for the next request. */
const LAST = { Connection: 'close' };

export const TOO_LARGE = text(413, 'the body of this request is too large: expected at most 1 MiB', LAST);

export const NO_ROOM = tryAgain(
  'too many large bodies at once: send this request again a little later',
  LAST,
);

export function notAllowed(allow: string): Answer {
  return text(405, `expected ${allow}\n`, { Allow: allow });
}

/** Dovecot's HTTP client and others repeat the request after that time. */
export function tryAgain(body: string, headers: Record<string, string> = {}): Answer {
  return text(503, body, { 'Retry-After': String(RETRY_AFTER_S), ...headers });
}
