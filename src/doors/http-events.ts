import { MAX_EVENTS_PER_LINE } from '../events/parse.ts';
import { messageOf } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import { visible } from '../process/text.ts';
import { type Answer, json, NO_CONTENT, text, tryAgain } from './http-answer.ts';
import type { Receive, Received } from './receive.ts';
import { reasonBody, topicBody } from './xaps-answer.ts';

export interface EventContext {
  receive: Receive;
  log: Log;
}

const EMPTY = 'an empty body: expected an event in JSON';
const NOT_SAFE = 'neither the database nor the spool can take it now';

/** POST /register of Dovecot's XAPS plugin: the answer's body is what the phone is told as topic. */
export async function registerByXaps(body: Buffer, { receive, log }: EventContext): Promise<Answer> {
  const received = await take([body], receive, log);
  if (received === undefined) return tryAgain(reasonBody(NOT_SAFE));
  if (received.bad !== undefined) return text(400, reasonBody(received.bad));
  // In the spool it is as safe as in the database: any other answer would silence the device for a day.
  if (received.topic === undefined) return text(400, reasonBody('expected a registration'));
  return topicAnswer(received.topic, log);
}

function topicAnswer(topic: string, log: Log): Answer {
  const body = topicBody(topic);
  if (body !== undefined) return text(200, body);
  const reason =
    topic === ''
      ? 'neither certificate nor earlier registrations tell the topic'
      : 'the topic cannot stand in an IMAP reply';
  log.error('the XAPS plugin gets no topic, and the phone none that it can use', { topic, reason });
  return text(500, reasonBody(reason));
}

/** POST /notify of Dovecot's XAPS plugin; 204 where nobody gets a push. */
export async function notifyByXaps(body: Buffer, { receive, log }: EventContext): Promise<Answer> {
  const received = await take([body], receive, log);
  if (received === undefined) return tryAgain(reasonBody(NOT_SAFE));
  if (received.bad !== undefined) return text(400, reasonBody(received.bad));
  return received.targets > 0 || received.spooled ? text(200, '') : NO_CONTENT;
}

/** PUT of Dovecot's OX driver, to which every 2xx is the same. */
export async function notifyByOx(body: Buffer, { receive, log }: EventContext): Promise<Answer> {
  const received = await take([body], receive, log);
  if (received === undefined) return tryAgain(`${NOT_SAFE}\n`);
  return received.bad === undefined ? text(200, '') : text(400, `${visible(received.bad)}\n`);
}

/** POST /events: one event, a list of them, or one of either a line. */
export async function events(body: Buffer, { receive, log }: EventContext): Promise<Answer> {
  const pieces = piecesOf(body);
  if (pieces.length > MAX_EVENTS_PER_LINE)
    return json(400, { error: `${pieces.length} lines: expected at most ${MAX_EVENTS_PER_LINE}` });
  const received = await take(pieces, receive, log);
  if (received === undefined) return tryAgain(`${NOT_SAFE}\n`);
  const { bad: error, targets, spooled } = received;
  return json(error === undefined ? 202 : 400, { error, targets, ...(spooled && { spooled }) });
}

const NEWLINE = 0x0a;
const SPACE = 0x20;

/** The body as a whole where it is one JSON value, however it is laid out, else its lines. */
function piecesOf(body: Buffer): Buffer[] {
  if (!body.includes(NEWLINE)) return [body];
  // In JSON a newline is white space, and events are handed on one a line.
  if (isJson(body)) return [body.map((byte) => (byte === NEWLINE ? SPACE : byte)) as Buffer];
  return body
    .toString('latin1') // each byte stays what it is
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => Buffer.from(line, 'latin1'));
}

function isJson(body: Buffer): boolean {
  try {
    JSON.parse(body.toString());
    return true;
  } catch {
    return false; // then its lines are; each is judged on its own
  }
}

/** All pieces in turn; undefined where one of them is safe nowhere. */
async function take(pieces: readonly Buffer[], receive: Receive, log: Log): Promise<Received | undefined> {
  const all: Received = { bad: undefined, targets: 0, topic: undefined, spooled: false };
  if (pieces.every(isBlank)) return { ...all, bad: EMPTY };
  try {
    for (const piece of pieces) {
      const one = await receive(piece, 'http');
      all.bad ??= one.bad;
      all.targets += one.targets;
      all.topic ??= one.topic;
      all.spooled ||= one.spooled;
    }
    return all;
  } catch (error) {
    log.error('HTTP: an event was not taken, and its sender told to try again', { reason: messageOf(error) });
    return undefined;
  }
}

function isBlank(piece: Buffer): boolean {
  return piece.every((byte) => byte <= SPACE);
}
