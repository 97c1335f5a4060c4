import {
  constants,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { MAX_PAYLOAD_BYTES } from '../payload.ts';
import type { Answer } from '../push.ts';
import { replyOf, type AnswerText, type MockAnswer, type Mood } from './answers.ts';
import { answerTo, header, type MockRequest, understood } from './request.ts';

/** One push as the stand-in saw it, well formed or not. */
export interface ReceivedPush {
  atMs: number;
  /** Number of the connection, from 1. */
  connection: number;
  /** As in the path, case kept. */
  deviceToken: string;
  topic: string;
  apnsId: string;
  expirationS: number;
  pushType: string;
  priority: string;
  /** Empty where the payload has none. */
  accountId: string;
  /** Hashes of mailboxes; absent where the payload has no list of strings. */
  m?: string[];
  payload: unknown;
  /** `200`, `400/BadTopic`, or the mood. */
  answer: AnswerText;
}

export interface Connection {
  number: number;
  /** The TLS socket below the session. */
  socket: TLSSocket;
  /** What the client's certificate is for. */
  topics: readonly string[];
  /** The answer that is due to a well-formed push. */
  nextAnswer(token: string): MockAnswer;
  /** Whether answers are set for this very token: then even a bad one gets them, such as that of all zeros. */
  hasAnswer(token: string): boolean;
  record(push: ReceivedPush): void;
  /** How long after a push its answer comes. */
  delayMs: number;
}

/** Answers the requests of one session, until a GOAWAY: what comes after that is not processed. */
export function serveSession(session: ServerHttp2Session, connection: Connection): void {
  let lastStreamId = Infinity;
  session.on('error', () => undefined); // the client's way of leaving is its own affair
  session.on(
    'stream',
    (stream: ServerHttp2Stream, _headers: unknown, _flags: unknown, rawHeaders: unknown) => {
      stream.on('error', () => undefined);
      collectBody(stream, (body) => {
        const streamId = stream.id ?? 0;
        if (streamId > lastStreamId) {
          stream.close(constants.NGHTTP2_REFUSED_STREAM);
          return;
        }
        const { push, reply } = takeRequest(connection, requestOf(rawHeaders, body));
        if (reply === 'goaway') lastStreamId = streamId - 1;
        afterDelay(connection.delayMs, () => {
          act(connection.socket, stream, reply, push.apnsId);
        });
      });
    },
  );
}

function afterDelay(delayMs: number, answer: () => void): void {
  if (delayMs > 0) setTimeout(answer, delayMs);
  else answer();
}

function collectBody(stream: ServerHttp2Stream, done: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    if (bytes <= MAX_PAYLOAD_BYTES) chunks.push(chunk);
    bytes += chunk.length;
  });
  stream.on('end', () => {
    if (!stream.destroyed) done(Buffer.concat(chunks));
  });
}

/** Node gives raw headers as a flat list: name, value, name, value. */
function requestOf(rawHeaders: unknown, body: Buffer): MockRequest {
  const list = rawHeaders as readonly string[];
  const headers = new Map<string, string[]>();
  for (let index = 0; index + 1 < list.length; index += 2) {
    const name = (list[index] ?? '').toLowerCase();
    const values = headers.get(name);
    if (values === undefined) headers.set(name, [list[index + 1] ?? '']);
    else values.push(list[index + 1] ?? '');
  }
  const pseudo = (name: string): string => headers.get(name)?.[0] ?? '';
  return understood({ method: pseudo(':method'), path: pseudo(':path'), headers, body });
}

function takeRequest(
  connection: Connection,
  request: MockRequest,
): { push: ReceivedPush; reply: Mood | Answer } {
  const checked = answerTo(request, connection.topics);
  const { token = '' } = request;
  const isForToken =
    checked.status === 200 || (checked.reason === 'BadDeviceToken' && connection.hasAnswer(token));
  const reply = isForToken ? replyOf(connection.nextAnswer(token)) : checked;
  const push = { ...received(request), connection: connection.number, answer: textOf(reply) };
  connection.record(push);
  return { push, reply };
}

function textOf(reply: Mood | Answer): AnswerText {
  if (typeof reply === 'string') return reply;
  if (reply.foreign === true) return `html/${reply.status}`;
  return reply.reason === undefined ? `${reply.status}` : `${reply.status}/${reply.reason}`;
}

function received(request: MockRequest): Omit<ReceivedPush, 'connection' | 'answer'> {
  const { payload, token = '' } = request;
  const aps = (payload?.['aps'] ?? {}) as { 'account-id'?: unknown; m?: unknown };
  const isList = Array.isArray(aps.m) && aps.m.every((hash) => typeof hash === 'string');
  const text = (name: string): string => header(request, name) ?? '';
  return {
    atMs: Date.now(),
    deviceToken: token,
    topic: text('apns-topic'),
    apnsId: text('apns-id'),
    expirationS: Number(text('apns-expiration')),
    pushType: text('apns-push-type'),
    priority: text('apns-priority'),
    accountId: typeof aps['account-id'] === 'string' ? aps['account-id'] : '',
    ...(isList && { m: aps.m as string[] }),
    payload,
  };
}

function act(socket: TLSSocket, stream: ServerHttp2Stream, reply: Mood | Answer, apnsId: string): void {
  switch (reply) {
    case 'silent':
      return;
    case 'reset':
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      return;
    case 'goaway':
      goAway(stream);
      return;
    case 'disconnect':
      socket.destroy();
      return;
    default:
      if (typeof reply === 'string') refuse(stream, reply.slice('goaway/'.length));
      else respond(stream, reply, apnsId);
  }
}

/** The highest stream there can be: none is left out (RFC 9113, 6.8). */
const EVERY_STREAM = 0x7fffffff;

function refuse({ session }: ServerHttp2Stream, reason: string): void {
  session?.goaway(constants.NGHTTP2_NO_ERROR, EVERY_STREAM, Buffer.from(JSON.stringify({ reason })));
}

/**
 * GOAWAY; `stream` and all after it are refused one by one, which promises the same as a last-stream-id below them
 * (RFC 9113, 6.8 and 8.7). Naming that id here makes Node 20 free the streams above it twice.
 */
function goAway(stream: ServerHttp2Stream): void {
  const { session } = stream;
  session?.goaway(constants.NGHTTP2_NO_ERROR, 0, Buffer.from('{"reason":"Shutdown"}'));
  stream.close(constants.NGHTTP2_REFUSED_STREAM);
  session?.close();
}

const PAGE = '<html><body>This is not Apple.</body></html>';

function respond(stream: ServerHttp2Stream, answer: Answer, apnsId: string): void {
  if (stream.destroyed) return;
  if (answer.foreign === true) {
    stream.respond({ ':status': answer.status, 'content-type': 'text/html' });
    stream.end(PAGE);
    return;
  }
  const headers: OutgoingHttpHeaders = { ':status': answer.status, 'apns-id': apnsId };
  if (answer.retryAfterMs !== undefined) headers['retry-after'] = String(answer.retryAfterMs / 1000);
  stream.respond(headers, { endStream: answer.status === 200 });
  if (answer.status === 200) return;
  const since = answer.status === 410 ? { timestamp: answer.timestampMs ?? Date.now() } : {};
  stream.end(JSON.stringify({ reason: answer.reason, ...since }));
}
