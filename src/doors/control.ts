import { chmodSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { openDoorbell } from './doorbell.ts';
import { doorbellOf } from './ring.ts';

/** How long a handler waits for the deliverer's answer; the mail server waits for the handler. */
const POKE_TIMEOUT_MS = 300;

/** A client that says nothing is cut off. */
const IDLE_TIMEOUT_MS = 2000;

/** Only processes of the same user poke. */
const SOCKET_MODE = 0o600;

/** `poke`: the outbox has something. `retry`: and it is to be tried even where sending rests after a failure. */
export type ControlWord = 'poke' | 'retry';

const WORDS: readonly ControlWord[] = ['poke', 'retry'];
const LONGEST_LINE = Math.max(...WORDS.map((word) => `${word}\n`.length));
const DONE = 'ok\n';

/**
 * Tells whoever delivers that the outbox has something. Gives false where nobody answers, for whatever reason:
 * then the caller starts a deliverer, which finds out for itself whether it is alone.
 */
export function poke(path: string, word: ControlWord = 'poke'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let answer = '';
    const end = (heard: boolean): void => {
      socket.destroy();
      resolve(heard);
    };
    socket.setTimeout(POKE_TIMEOUT_MS, () => end(false));
    socket.on('error', () => end(false));
    socket.on('close', () => end(false));
    socket.on('connect', () => socket.write(`${word}\n`));
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
      if (answer.length >= DONE.length || answer.endsWith('\n')) end(answer === DONE);
    });
  });
}

export interface ControlDoor {
  /**
   * Hears no new ring and takes no new connection; those accepted before are answered. Removes the socket. Whoever was
   * heard, and committed before, relies on what is done after this.
   */
  close(): Promise<void>;
}

/**
 * Listens on the control socket and at the doorbell beside it, which says no more than a `poke`. The caller holds the
 * deliverer's lock, so what lies there is a leftover.
 */
export async function openControlDoor(
  path: string,
  onPoke: (word: ControlWord) => void,
  log?: Log,
): Promise<ControlDoor> {
  rmSync(path, { force: true });
  const server = createServer((socket) => answer(socket, onPoke));
  await listen(server, path);
  chmodSync(path, SOCKET_MODE);
  const doorbell = await openDoorbell(path, () => onPoke('poke')).catch((error: unknown) => {
    log?.warn('handlers cannot ring and must use the control socket, which takes longer', {
      path: doorbellOf(path),
      reason: messageOf(error),
    });
  });
  return {
    close: async () => {
      await doorbell?.close();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function answer(socket: Socket, onPoke: (word: ControlWord) => void): void {
  let said = '';
  socket.setTimeout(IDLE_TIMEOUT_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy()); // the handler has gone; its row is in the outbox all the same
  socket.setEncoding('latin1').on('data', (text: string) => {
    said += text;
    if (said.length > LONGEST_LINE) socket.destroy();
    const word = WORDS.find((each) => said === `${each}\n`);
    if (word === undefined) return;
    onPoke(word);
    socket.end(DONE);
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      server.on('error', () => undefined); // a failed accept concerns one client, who starts a deliverer instead
      resolve();
    });
  });
}
