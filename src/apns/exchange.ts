import {
  constants,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { isStorableText } from '../mailboxes/storable-text.ts';
import { isKnownReason } from './outcome.ts';
import type { Answer, Push } from './push.ts';

/** Apple's bodies have less than 100 bytes; of what is longer the status alone counts. */
const MAX_BODY_BYTES = 16 * 1024;

/** https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns */
export function requestHeaders(push: Push): OutgoingHttpHeaders {
  return {
    ':method': 'POST',
    ':path': `/3/device/${encodeURIComponent(push.deviceToken)}`,
    'apns-id': push.apnsId,
    'apns-topic': push.topic,
    'apns-push-type': 'background',
    'apns-priority': '5',
    'apns-expiration': String(push.expirationS),
    'content-type': 'application/json',
    ...(push.authorization !== undefined && { authorization: push.authorization }),
  };
}

/**
 * Sends the body on an open stream and waits for the answer. Rejects with an Error that says why there is none:
 * the time is up, the stream was reset, or its connection ended.
 */
export function exchange(stream: ClientHttp2Stream, payload: string, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let isAnswered = false;
    const answer = (headers: IncomingHttpHeaders, body: string): void => {
      isAnswered = true;
      clearTimeout(timer);
      resolve(answerOf(headers, body));
    };
    const timer = setTimeout(() => {
      reject(new Error(`no answer within ${timeoutMs} ms`));
      stream.close(constants.NGHTTP2_CANCEL);
    }, timeoutMs);
    stream.on('response', (headers, flags) => {
      if ((flags & END_STREAM) === 0) {
        collectBody(stream, (body) => answer(headers, body));
        return;
      }
      answer(headers, ''); // of every push that Apple took
      stream.resume();
    });
    stream.on('error', reject);
    stream.on('close', () => {
      if (isAnswered) return; // every stream ends here, and an Error is dear
      clearTimeout(timer);
      reject(new Error('the connection ended'));
    });
    stream.end(payload);
  });
}

/** The flag of a HEADERS frame after which no body comes (RFC 9113, 6.2). */
const END_STREAM = constants.NGHTTP2_FLAG_END_STREAM;

/** Calls `done` with the whole body, or with nothing as soon as it grows too long. Not where it is cut off. */
function collectBody(stream: ClientHttp2Stream, done: (body: string) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) return;
    done('');
    stream.close(constants.NGHTTP2_CANCEL);
  });
  stream.on('end', () => {
    // Node ends the body of a lost connection too, but only after it has destroyed the stream.
    if (!stream.destroyed) done(Buffer.concat(chunks).toString('utf8'));
  });
}

function answerOf(headers: IncomingHttpHeaders, body: string): Answer {
  const { reason, timestamp } = parsedObject(body);
  const retryAfterS = headers['retry-after'] ?? ''; // the other form, a date, Apple does not send
  return {
    status: Number(headers[':status']),
    ...(typeof reason === 'string' && isStorableText(reason) && { reason }),
    ...(typeof timestamp === 'number' && Number.isSafeInteger(timestamp) && { timestampMs: timestamp }),
    ...(!isApples(headers, reason) && { foreign: true }),
    ...(/^\d{1,9}$/.test(retryAfterS) && { retryAfterMs: Number(retryAfterS) * 1000 }),
  };
}

/**
 * Apple gives each answer the apns-id of its push; a reason of Apple's will do.
 * Source: https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns
 */
function isApples(headers: IncomingHttpHeaders, reason: unknown): boolean {
  return headers['apns-id'] !== undefined || (typeof reason === 'string' && isKnownReason(reason));
}

/** The members of a JSON object; none where the body is no such thing, since the status still counts. */
function parsedObject(body: string): Record<string, unknown> {
  if (body === '') return {}; // of every push that Apple took
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
