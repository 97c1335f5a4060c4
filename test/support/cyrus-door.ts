import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type CyrusDoorLimits, type CyrusDoorOptions, openCyrusDoor } from '../../src/doors/cyrus.ts';
import type { Receive, Received } from '../../src/doors/receive.ts';
import { systemClock } from '../../src/process/clock.ts';
import { recordedLog } from './recorded-log.ts';
import { temporaryFolder } from './store.ts';

const folder = new URL('../fixtures/cyrus/', import.meta.url);
export const CAPTURES = readdirSync(folder).filter((name) => /^dlist-.*\.bin$/.test(name));
export const TAKEN: Received = { bad: undefined, targets: 0, topic: undefined, spooled: false };

/** No test waits for these, and none of them ends one. */
export const PATIENT = { commandTimeoutMs: 600_000, closingTimeoutMs: 600_000 };

/** What a real Cyrus sent over one connection. */
export function captured(name: string): Buffer {
  return readFileSync(new URL(name, folder));
}

/** A command as Cyrus writes it. */
export function notify(message: string | Buffer, { method = 'external', className = 'EVENT' } = {}): Buffer {
  const head = `NOTIFY %(METHOD ${method} CLASS ${className} PRIORITY NIL USER NIL MAILBOX NIL OPTIONS ()`;
  const literal = ` MESSAGE {${Buffer.byteLength(message)}+}\r\n`;
  return Buffer.concat([
    Buffer.from(head + literal),
    Buffer.from(message),
    Buffer.from(' FILEPATH NIL)\r\n'),
  ]);
}

export interface TestDoor {
  path: string;
  /** What receive() was given, as text. */
  events: string[];
  log: ReturnType<typeof recordedLog>;
  close: () => Promise<void>;
}

/** A door that records, closed when the running test ends. */
export async function testDoor(
  options: Partial<Omit<CyrusDoorOptions, 'limits' | 'path'>> & { path?: string } & {
    limits?: Partial<CyrusDoorLimits>;
  } = {},
): Promise<TestDoor> {
  const path = join(temporaryFolder(), 'cyrus.sock');
  const log = recordedLog();
  const events: string[] = [];
  const { receive = () => Promise.resolve(TAKEN), limits = PATIENT, ...others } = options;
  const recording: Receive = (raw, door) => {
    events.push(raw.toString());
    return receive(raw, door);
  };
  const door = await openCyrusDoor({
    ...{ path, log, clock: systemClock, onReplaced: () => undefined },
    ...{ ...others, receive: recording, limits },
  });
  onTestFinished(() => door.close());
  return { path: others.path ?? path, events, log, close: () => door.close() };
}

/** A client whose errors are expected: it is cut off, or says more than the door wants to hear. */
export async function client(path: string): Promise<Socket> {
  const socket = connect({ path, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  return socket;
}

/** Says this and ends; gives everything that the door answers. */
export async function said(path: string, ...chunks: (string | Buffer)[]): Promise<string> {
  const socket = await client(path);
  const answer = everything(socket);
  for (const chunk of chunks) socket.write(chunk);
  socket.end();
  return answer;
}

/** What comes until the connection ends, however it ends. */
export function everything(socket: Socket): Promise<string> {
  let heard = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (heard += chunk));
  return new Promise((resolve) => {
    socket.on('close', () => resolve(heard));
    socket.on('end', () => socket.destroy());
  });
}

/** The next answer; the door may cut it in pieces. */
export async function line(socket: Socket): Promise<string> {
  let heard = '';
  while (!heard.endsWith('\n')) {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) await once(socket, 'readable');
    else heard += chunk.toString('latin1');
  }
  return heard;
}

/** A receive() that waits until it is let go. */
export function held(): { receive: Receive; letGo: (received?: Received) => void } {
  let letGo: (received?: Received) => void = () => undefined;
  const gone = new Promise<Received>((resolve) => (letGo = (received = TAKEN) => resolve(received)));
  return { receive: () => gone, letGo };
}
