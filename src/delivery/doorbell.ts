import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  type Stats,
} from 'node:fs';
import { Socket } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { DOORBELL, doorbellOf } from './ring.ts';

/** Only processes of the same user ring. */
const MODE = 0o600;

export interface Doorbell {
  /** False once it was removed, another took its place or it closed itself. */
  isInPlace(): boolean;
  /** Goes on under the name of another edition, unless it was removed. */
  takeOn(edition: string): void;
  /** When it resolves, the kernel tells whoever rings that nobody is there. */
  close(): Promise<void>;
}

/**
 * Listens at the FIFO of that edition beside the control socket. It is made where there is none of ours, and stays when
 * it is closed; one of another edition takes the name on. The caller holds the deliverer's lock, so what else lies there
 * is a leftover. Throws where no FIFO can be had; then handlers use the control socket.
 */
export async function openDoorbell(control: string, edition: string, onRing: () => void): Promise<Doorbell> {
  const path = doorbellOf(control, edition);
  for (const other of othersOf(control, path)) takeOver(other, path);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!isOurs(found)) {
    rmSync(path, { force: true });
    await makeFifo(path);
  }
  return listen(openFifo(path), { control, edition }, onRing);
}

/** Doorbells of other editions, and the one of programs that knew of none. */
function othersOf(control: string, own: string): string[] {
  const folder = dirname(control);
  const prefix = `${basename(control)}${DOORBELL}`;
  return readdirSync(folder)
    .filter((name) => name === prefix || name.startsWith(`${prefix}.`))
    .map((name) => join(folder, name))
    .filter((path) => path !== own);
}

/** Renaming a FIFO takes no process, and leaves no doorbell behind that nobody hears. */
function takeOver(other: string, own: string): void {
  const found = lstatSync(other, { throwIfNoEntry: false });
  if (found?.isFIFO() !== true) return; // no leftover of a deliverer
  if (isOurs(found)) renameSync(other, own);
  else rmSync(other, { force: true });
}

function isOurs(found: Stats | undefined): boolean {
  return (
    found !== undefined &&
    found.isFIFO() &&
    found.uid === process.geteuid?.() &&
    (found.mode & 0o777) === MODE
  );
}

/** Runs mkfifo(1), since Node has no mkfifo(3). child_process is loaded only here: mostly the FIFO is there already. */
async function makeFifo(path: string): Promise<void> {
  const { execFile } = await import('node:child_process');
  await new Promise<void>((resolve, reject) => {
    execFile('mkfifo', ['-m', MODE.toString(8), path], (error, _stdout, stderr) => {
      if (error === null) resolve();
      else reject(new Error(stderr.trim() || error.message));
    });
  });
}

/** Opened for writing too, so that the FIFO has no end of file when the last handler closes it (fifo(7)). */
const OPEN = constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW;

function openFifo(path: string): number {
  const fd = openSync(path, OPEN);
  if (isOurs(fstatSync(fd))) return fd;
  closeSync(fd);
  throw new Error('it is no FIFO of our own');
}

function listen(fd: number, place: { control: string; edition: string }, onRing: () => void): Doorbell {
  const { dev, ino } = fstatSync(fd);
  let path = doorbellOf(place.control, place.edition);
  const isInPlace = (): boolean => {
    const now = lstatSync(path, { throwIfNoEntry: false });
    return !fifo.closed && now?.dev === dev && now.ino === ino;
  };
  const fifo = new Socket({ fd, readable: true, writable: false });
  fifo.on('data', onRing);
  fifo.on('error', () => undefined); // it closes itself, and handlers use the control socket
  return {
    isInPlace,
    takeOn: (edition) => {
      const next = doorbellOf(place.control, edition);
      if (next === path || !isInPlace()) return;
      renameSync(path, next);
      path = next;
    },
    close: () =>
      new Promise((resolve) => {
        if (fifo.closed) resolve();
        else fifo.destroy().once('close', () => resolve());
      }),
  };
}
