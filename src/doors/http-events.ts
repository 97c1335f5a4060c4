import { MAX_EVENTS_PER_LINE } from '../events/parse.ts';
import { messageOf } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import { visible } from '../process/text.ts';
import { type Answer, json, NO_CONTENT, text, tryAgain } from './http-answer.ts';
import type { Receive, Received } from './receive.ts';
import { reasonBody, topicBody } from './xaps-answer.ts';

export interface EventContext {
  receive: Receive;
  /** `serve.plugin_padding`; true by default. */
  padsTopic?: boolean;
  log: Log;
}

const EMPTY = 'an empty body: expected an event in JSON';
const NOT_SAFE = 'neither the database nor the spool can take it now';

/** POST /register of Dovecot's XAPS plugin: the answer's body is what the phone is told as topic. */
export async function registerByXaps(
  body: Buffer,
  { receive, padsTopic = true, log }: EventContext,
): Promise<Answer> {
  const received = await take(body, receive, log);
  if (received === undefined) return tryAgain(reasonBody(NOT_SAFE));
  if (received.bad !== undefined) return text(400, reasonBody(received.bad));
  // In the spool it is as safe as in the database: any other answer would silence the device for a day.
  if (received.topic === undefined) return text(400, reasonBody('expected a registration'));
  return topicAnswer(received.topic, padsTopic, log);
}

function topicAnswer(topic: string, padsTopic: boolean, log: Log): Answer {
  const body = topicBody(topic, padsTopic);
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
  const received = await take(body, receive, log);
  if (received === undefined) return tryAgain(reasonBody(NOT_SAFE));
  if (received.bad !== undefined) return text(400, reasonBody(received.bad));
  return received.targets > 0 || received.spooled ? text(200, '') : NO_CONTENT;
}

/** PUT of Dovecot's OX driver, to which every 2xx is the same. */
export async function notifyByOx(body: Buffer, { receive, log }: EventContext): Promise<Answer> {
  const received = await take(body, receive, log);
  if (received === undefined) return tryAgain(`${NOT_SAFE}\n`);
  return received.bad === undefined ? text(200, '') : text(400, `${visible(received.bad)}\n`);
}

/** POST /events: one event, a list of them, or one of either a line. */
export async function events(body: Buffer, { receive, log }: EventContext): Promise<Answer> {
  const input = onOneLine(body);
  const lines = linesIn(input);
  if (lines > MAX_EVENTS_PER_LINE)
    return json(400, { error: `${lines} lines: expected at most ${MAX_EVENTS_PER_LINE}` });
  const received = await take(input, receive, log);
  if (received === undefined) return tryAgain(`${NOT_SAFE}\n`);
  const { bad: error, targets, spooled } = received;
  return json(error === undefined ? 202 : 400, { error, targets, ...(spooled && { spooled }) });
}

const NEWLINE = 0x0a;
const SPACE = 0x20;

/** A body that is one JSON value, however it is laid out: in JSON a newline is white space. Others are lines already. */
function onOneLine(body: Buffer): Buffer {
  if (!body.includes(NEWLINE) || !isJson(body)) return body;
  return body.map((byte) => (byte === NEWLINE ? SPACE : byte)) as Buffer;
}

/** Those that are not blank. */
function linesIn(body: Buffer): number {
  const lines = body.toString('latin1').split('\n');
  return lines.filter((line) => line.trim() !== '').length;
}

function isJson(body: Buffer): boolean {
  try {
    JSON.parse(body.toString());
    return true;
  } catch {
    return false; // then its lines are; each is judged on its own
  }
}

/** Undefined where it is safe nowhere. */
async function take(body: Buffer, receive: Receive, log: Log): Promise<Received | undefined> {
  if (isBlank(body)) return { bad: EMPTY, targets: 0, topic: undefined, spooled: false };
  try {
    return await receive(body, 'http');
  } catch (error) {
    log.error('HTTP: an event was not taken, and its sender told to try again', { reason: messageOf(error) });
    return undefined;
  }
}

function isBlank(body: Buffer): boolean {
  return body.every((byte) => byte <= SPACE);
}
