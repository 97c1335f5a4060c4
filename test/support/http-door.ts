import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { namespaceOf } from '../../src/config/imapd-conf.ts';
import { type HttpDoor, type HttpDoorOptions, openHttpDoor } from '../../src/doors/http.ts';
import type { Receive, Received } from '../../src/doors/receive.ts';
import { parseEvent } from '../../src/events/parse.ts';
import { readEvents } from '../../src/events/read.ts';
import { systemClock } from '../../src/process/clock.ts';
import { recordedLog } from './recorded-log.ts';

/** 59 bytes, as those of macOS Server. */
export const TOPIC = 'com.apple.mail.XServer.11111111-2222-3333-4444-555555555555';

export interface TestDoor extends HttpDoor {
  /** What was received, in that order. */
  received: string[];
  log: ReturnType<typeof recordedLog>;
}

/** By the system's clock, asking nobody to make room. */
export const HOW_TO_LISTEN = {
  ...{ clock: systemClock, isPatient: false, ending: new AbortController().signal },
  ...{ askToYield: () => Promise.resolve(undefined), onReplaced: () => undefined },
};

/** A door on a free port of the loopback, closed when the running test ends. Its events owe a push each. */
export async function testDoor(changes: Partial<HttpDoorOptions> = {}): Promise<TestDoor> {
  const received: string[] = [];
  const log = recordedLog();
  const door = await openHttpDoor({
    listen: '127.0.0.1:0',
    receive: understand,
    ready: () => ({ ready: true }),
    ...HOW_TO_LISTEN,
    log,
    ...changes,
    ...(changes.receive === undefined && {
      receive: (raw, name) => {
        received.push(raw.toString());
        return understand(raw, name);
      },
    }),
  });
  onTestFinished(() => door.close());
  return { ...door, received, log };
}

const namespace = namespaceOf(new Map());

/** Takes values of JSON as `serve` would, with a push owed for each change of a mailbox. */
const understand: Receive = (raw) => {
  const items = [...readEvents([raw])];
  const results = items.flatMap((item) => ('bad' in item ? [] : parseEvent(item.value, () => namespace)));
  const received: Received = { bad: undefined, targets: 0, topic: undefined, spooled: false };
  for (const result of results) {
    if (result.kind === 'bad') received.bad ??= result.reason;
    if (result.kind === 'change') received.targets += 1;
    if (result.kind === 'registration') received.topic = TOPIC;
  }
  return Promise.resolve(received);
};

/** What a receiver gives; all is well and nobody is told. */
export function outcome(changes: Partial<Received> = {}): () => Promise<Received> {
  return () => Promise.resolve({ bad: undefined, targets: 0, topic: undefined, spooled: false, ...changes });
}

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** One request; with an agent over its connections, else over one of its own. */
export function ask(
  { address }: { address: string },
  method: string,
  path: string,
  { body, headers: given, agent = new Agent({ keepAlive: false }) }: RequestOptions = {},
): Promise<HttpAnswer> {
  const headers = { ...(body !== undefined && { 'Content-Type': 'application/json' }), ...given };
  return new Promise((resolve, reject) => {
    const request = httpRequest({ ...placeOf(address), method, path, headers, agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

interface RequestOptions {
  body?: string | Buffer;
  headers?: Record<string, string>;
  agent?: Agent;
}

/** An open connection, gone when the running test ends, and the segments that come over it. */
export interface RawConnection {
  socket: Socket;
  segments: Buffer[];
  /** All that came so far. */
  text: () => string;
  /** Resolves when that text has come. */
  until: (wanted: string) => Promise<void>;
  closed: Promise<void>;
}

export async function rawConnection({ address }: { address: string }): Promise<RawConnection> {
  const socket = connect(placeOf(address));
  const segments: Buffer[] = [];
  let tell = (): void => undefined;
  socket.on('error', () => undefined); // being cut off is what some tests are about
  socket.on('data', (segment: Buffer) => {
    segments.push(segment);
    tell();
  });
  onTestFinished(() => {
    socket.destroy();
  });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await once(socket, 'connect');
  const text = (): string => Buffer.concat(segments).toString('latin1');
  const until = async (wanted: string): Promise<void> => {
    while (!text().includes(wanted)) await new Promise<void>((resolve) => (tell = resolve));
  };
  return { socket, segments, text, until, closed };
}

function placeOf(address: string): { socketPath: string; path: string } | { host: string; port: number } {
  if (address.startsWith('unix:')) {
    const path = address.slice('unix:'.length);
    return { socketPath: path, path };
  }
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(address.slice(at + 1)) };
}

/** A request of Dovecot's as it went over the wire, by the name of its captured files. */
export function capturedRequest(name: string): { head: string; body: Buffer; wire: Buffer } {
  const head = readFileSync(new URL(`../fixtures/dovecot-http/${name}.headers`, import.meta.url), 'utf8');
  const body = readFileSync(new URL(`../fixtures/dovecot/${name}.json`, import.meta.url));
  return { head, body, wire: Buffer.concat([Buffer.from(`${head.replaceAll('\n', '\r\n')}\r\n`), body]) };
}
