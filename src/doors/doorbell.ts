import { closeSync, constants, fstatSync, lstatSync, openSync, rmSync, type Stats } from 'node:fs';
import { Socket } from 'node:net';
import { doorbellOf } from './ring.ts';

/** Only processes of the same user ring. */
const MODE = 0o600;

export interface Doorbell {
  /** False when the FIFO has been removed or replaced. */
  isInPlace(): boolean;
  /** When it resolves, the kernel tells whoever rings that nobody is there. */
  close(): Promise<void>;
}

/**
 * Listens at the FIFO beside the control socket, which is made where there is none of ours, and stays when it is closed.
 * The caller holds the deliverer's lock, so what else lies there is a leftover. Throws where no FIFO can be had; then
 * handlers use the control socket.
 */
export async function openDoorbell(control: string, onRing: () => void): Promise<Doorbell> {
  const path = doorbellOf(control);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || !isOurs(found)) {
    rmSync(path, { force: true });
    await makeFifo(path);
  }
  return listen(openFifo(path), path, onRing);
}

function isOurs(found: Stats): boolean {
  return found.isFIFO() && found.uid === process.geteuid?.() && (found.mode & 0o777) === MODE;
}

/** By mkfifo(1), since Node has no mkfifo(3); loaded only here: mostly the FIFO is there already. */
async function makeFifo(path: string): Promise<void> {
  const { execFile } = await import('node:child_process');
  await new Promise<void>((resolve, reject) => {
    execFile('mkfifo', ['-m', MODE.toString(8), path], (error, _stdout, stderr) => {
      if (error === null) resolve();
      else reject(new Error(stderr.trim() || error.message));
    });
  });
}

/** For writing too: so it never comes to its end when the last handler has closed it (fifo(7)). */
const OPEN = constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW;

function openFifo(path: string): number {
  const fd = openSync(path, OPEN);
  if (isOurs(fstatSync(fd))) return fd;
  closeSync(fd);
  throw new Error('it is no FIFO of our own');
}

function listen(fd: number, path: string, onRing: () => void): Doorbell {
  const { dev, ino } = fstatSync(fd);
  const fifo = new Socket({ fd, readable: true, writable: false });
  fifo.on('data', onRing);
  fifo.on('error', () => undefined); // it closes itself, and handlers use the control socket
  return {
    isInPlace: () => {
      const now = lstatSync(path, { throwIfNoEntry: false });
      return now?.dev === dev && now.ino === ino;
    },
    close: () =>
      new Promise((resolve) => {
        if (fifo.closed) resolve();
        else fifo.destroy().once('close', () => resolve());
      }),
  };
}
