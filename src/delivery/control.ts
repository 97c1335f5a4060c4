import { lstatSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { messageOf } from '../process/errors.ts';
import type { Log } from '../process/log.ts';
import { openDoorbell } from './doorbell.ts';
import type { Listening, ListeningOptions } from '../sockets/listening.ts';
import { type ControlWord, DONE, MAKE_WAY, REFUSED, SERVE } from './poke.ts';
import { doorbellOf } from './ring.ts';
import type { SocketFile } from '../sockets/unix-socket.ts';

/** A client that says nothing is cut off. */
const IDLE_TIMEOUT_MS = 2000;

/** Only processes of the same user poke. */
const SOCKET_MODE = 0o600;

/** The word, and the edition of whoever says it; without one it is for everybody. */
const LINE = /^(poke|retry)(?: ([\w.]+))?\n$/;

const YIELD = /^yield (\S+)\n$/;
const LONGEST_LINE = 512;

/** What is heard at the control socket. */
export interface ControlHears {
  /** Told the edition of whoever speaks, where that is known. Gives whether the work will be done. */
  onWord: (word: ControlWord, edition: string | undefined) => boolean;
  /** Another `serve` wants that address; gives whether it gets it. Absent where this is no `serve`. */
  onYield?: (address: string) => boolean;
  /** A `serve` is there, which delivers from now on. Absent where this is one itself. */
  onMakeWay?: () => void;
}

/** Who listens, with the edition of the configuration and the program that it works with. */
export interface Listener extends ControlHears {
  edition: string;
}

export interface ControlDoor {
  /** False when socket or doorbell have been removed or replaced, and handlers do not find it. */
  isInPlace(): boolean;
  /** After a reload those of another edition ring here. */
  takeOn(edition: string): void;
  /** Answers on the control socket, and hears no more rings: who rings now finds nobody. */
  stopRings(): Promise<void>;
  /**
   * Hears no new ring and takes no new connection; those accepted before are answered. Removes the socket. Whoever was
   * heard, and committed before, relies on what is done after this.
   */
  close(): Promise<void>;
}

/**
 * Listens on the control socket and at the doorbell beside it, which says no more than a `poke`. The caller holds the
 * deliverer's lock, so what lies there is a leftover. Only systemd may hold a socket there all the same: then that one
 * stays, whoever listens on it, and handlers ring.
 */
export async function openControlDoor(path: string, listener: Listener, log?: Log): Promise<ControlDoor> {
  const { edition } = listener;
  const socket = await openSocket(path, listener);
  const onRing = (): boolean => listener.onWord('poke', undefined);
  const doorbell = await openDoorbell(path, edition, onRing).catch((error: unknown) => {
    log?.warn('handlers cannot ring and must use the control socket, which takes longer', {
      path: doorbellOf(path, edition),
      reason: messageOf(error),
    });
  });
  return {
    isInPlace: () => (socket?.isInPlace() ?? true) && (doorbell?.isInPlace() ?? true),
    takeOn: (next) => doorbell?.takeOn(next),
    stopRings: async () => doorbell?.close(),
    close: async () => {
      await doorbell?.close();
      await socket?.close();
    },
  };
}

/** Listens at control sockets that systemd holds. Throws OperatorError. */
export async function openHandedOverControl(
  fds: readonly number[],
  hears: ControlHears,
  options: ListeningOptions,
): Promise<Pick<Listening, 'at'> & { close(): Promise<void> }> {
  const { listenAtHandedOver } = await import('../sockets/listening.ts');
  const server = createServer((socket) => converse(socket, hears));
  const listening = await listenAtHandedOver(server, fds, SOCKET_MODE, options);
  server.on('error', () => undefined);
  return {
    at: listening.at,
    close: async () => {
      const { ended } = await listening.stop();
      await ended;
    },
  };
}

/** No file has it. */
const NO_FILE: SocketFile = { dev: -1, ino: -1 };

/** Undefined where systemd holds the socket. */
async function openSocket(
  path: string,
  hears: ControlHears,
): Promise<Pick<ControlDoor, 'isInPlace' | 'close'> | undefined> {
  const { listenOnSocket, stateOfPath } = await import('../sockets/unix-socket.ts');
  const found = await stateOfPath(path, NO_FILE);
  if (found === 'somebody') return undefined;
  if (found === 'no socket') rmSync(path, { force: true });
  const server = createServer((socket) => converse(socket, hears));
  const { file } = await listenOnSocket(server, path, SOCKET_MODE);
  server.on('error', () => undefined); // a failed accept concerns one client, who starts a deliverer instead
  const isInPlace = (): boolean => {
    const now = lstatSync(path, { throwIfNoEntry: false });
    return now?.dev === file.dev && now.ino === file.ino;
  };
  return {
    isInPlace,
    close: async () => {
      if (isInPlace()) rmSync(path, { force: true });
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function converse(socket: Socket, hears: ControlHears): void {
  let said = '';
  socket.setTimeout(IDLE_TIMEOUT_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy()); // the handler has gone; its row is in the outbox all the same
  socket.setEncoding('latin1').on('data', (text: string) => {
    said += text;
    if (said.length > LONGEST_LINE || !couldBecomeWord(said)) socket.destroy();
    const answer = answerTo(said, hears);
    if (answer !== undefined) socket.end(answer ? DONE : REFUSED);
  });
}

/** Undefined while the line is not complete. */
function answerTo(said: string, { onWord, onYield, onMakeWay }: ControlHears): boolean | undefined {
  const [, word, edition] = LINE.exec(said) ?? [];
  if (word !== undefined) return onWord(word as ControlWord, edition);
  if (said === `${SERVE}\n`) return onYield !== undefined;
  if (said === `${MAKE_WAY}\n`) {
    onMakeWay?.();
    return onMakeWay !== undefined;
  }
  const [, address] = YIELD.exec(said) ?? [];
  return address === undefined ? undefined : (onYield?.(address) ?? false);
}

const BEGINNINGS = ['poke\n', 'poke ', 'retry\n', 'retry ', 'yield ', `${SERVE}\n`, `${MAKE_WAY}\n`];

function couldBecomeWord(said: string): boolean {
  return BEGINNINGS.some((each) => each.startsWith(said) || said.startsWith(each));
}
