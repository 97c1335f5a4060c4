import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { Agent as PlainAgent, request as requestPlain } from 'node:http';
import { Agent as SecureAgent, request as requestSecure } from 'node:https';
import { messageOf } from '../process/errors.ts';
import type { AddressGuard } from './address-guard.ts';
import { ForbiddenAddressError } from './address-guard.ts';
import { retryAfterMs } from './retry-after.ts';

export interface Post {
  url: URL;
  headers: Record<string, string>;
  body: Buffer | string;
  /** For all of it, from the look-up of the name on. */
  timeoutMs: number;
}

/** What came of it: an answer, none, or that the address is none that may be called. */
export type PostResult =
  { status: number; retryAfterMs?: number } | { noAnswer: string } | { forbidden: string };

export interface Poster {
  /** One POST, whose redirects are not followed. Never rejects. */
  post(post: Post): Promise<PostResult>;
  close(): Promise<void>;
}

export interface PosterOptions {
  nowMs: () => number;
  /** For strangers' addresses; absent where the administrator has named the address. */
  guard?: AddressGuard;
  /** To trust in place of the system's. */
  ca?: string;
}

/** An answer has nothing for us but its status; of a longer one the connection is not kept. */
const MAX_ANSWER_BYTES = 4096;

/** To one host at once; the others wait for their turn, within their time. */
const MAX_SOCKETS = 16;

/** A connection that nobody uses is kept so long, and one or two of each host: strangers name hosts as they like. */
const KEPT = { keepAlive: true, timeout: 30_000, maxFreeSockets: 2, maxSockets: MAX_SOCKETS };

const LATE = 'no answer in time';

/** Connections are kept for the next notice. */
export function openPoster({ nowMs, guard, ca }: PosterOptions): Poster {
  const agents = {
    'http:': new PlainAgent(KEPT),
    'https:': new SecureAgent({ ...KEPT, ...(ca !== undefined && { ca }) }),
  };
  const post = async (asked: Post, deadlineMs: number): Promise<PostResult> => {
    const forbidden = guard?.problemOf(asked.url);
    if (forbidden !== undefined) return { forbidden };
    const isSecure = asked.url.protocol === 'https:';
    const options: RequestOptions = {
      method: 'POST',
      headers: { ...asked.headers, 'Content-Length': String(Buffer.byteLength(asked.body)) },
      agent: isSecure ? agents['https:'] : agents['http:'],
      ...(guard !== undefined && { lookup: guard.lookup }),
    };
    const request = isSecure ? requestSecure(asked.url, options) : requestPlain(asked.url, options);
    const result = await resultOf(request, asked.body, { deadlineMs, nowMs });
    return result === 'again' ? post(asked, deadlineMs) : result;
  };
  return {
    post: (asked) => post(asked, performance.now() + asked.timeoutMs),
    close: () => {
      for (const agent of Object.values(agents)) agent.destroy();
      return Promise.resolve();
    },
  };
}

/** Known when the connection is free again, or has ended. `again` where a kept one had ended, which its use alone shows. */
function resultOf(
  request: ClientRequest,
  body: Buffer | string,
  { deadlineMs, nowMs }: { deadlineMs: number; nowMs: () => number },
): Promise<PostResult | 'again'> {
  return new Promise((resolve) => {
    let result: PostResult | 'again' = { noAnswer: 'the connection was ended' };
    let isAnswered = false;
    const leftMs = Math.max(deadlineMs - performance.now(), 1);
    const timer = setTimeout(() => {
      request.destroy(new Error(LATE));
      if (request.socket === null) resolve({ noAnswer: LATE }); // Node ends one that waits for its turn only in its turn
    }, leftMs);
    request.on('error', (error) => {
      if (!isAnswered) result = failureOf(request, error);
    });
    request.once('response', (response) => {
      isAnswered = true;
      result = answerOf(response, nowMs());
      readToItsEnd(response);
    });
    request.once('close', () => {
      clearTimeout(timer);
      resolve(result);
    });
    request.end(body);
  });
}

function answerOf({ statusCode = 0, headers }: IncomingMessage, nowMs: number): PostResult {
  const afterMs = retryAfterMs(headers['retry-after'], nowMs);
  return { status: statusCode, ...(afterMs !== undefined && { retryAfterMs: afterMs }) };
}

/** So that the connection can be used again, or is ended. */
function readToItsEnd(response: IncomingMessage): void {
  let bytes = 0;
  response.on('data', (piece: Buffer) => {
    bytes += piece.length;
    if (bytes > MAX_ANSWER_BYTES) response.destroy();
  });
  response.on('error', () => undefined); // the answer is known, and its rest is of no use
}

function failureOf(request: ClientRequest, error: Error): PostResult | 'again' {
  if (error instanceof ForbiddenAddressError) return { forbidden: error.message };
  const code = 'code' in error ? String(error.code) : '';
  if (request.reusedSocket && ['ECONNRESET', 'EPIPE'].includes(code)) return 'again';
  return { noAnswer: messageOf(error) || code }; // of several addresses that fail Node has no message
}
